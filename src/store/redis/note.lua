-- Adds an event to what is known under a reference; KEYS[1] is its list.
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -100, -1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {}
