-- Forgets whose an application's session is.
redis.call('DEL', site .. 's:' .. ARGV[1])
return {}
