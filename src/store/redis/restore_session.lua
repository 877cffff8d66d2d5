-- Remembers whose an application's session is, unless anything is known of it.
redis.call('SET', site .. 's:' .. ARGV[1], ARGV[2], 'PX', ARGV[3], 'NX')
return {}
