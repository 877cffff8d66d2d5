-- Remembers where a subject is.
redis.call('SET', site .. 'o:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return {}
