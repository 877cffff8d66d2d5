-- Remembers whose an application's session is.
redis.call('SET', site .. 's:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return {}
