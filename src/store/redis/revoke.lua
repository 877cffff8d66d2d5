-- Publishes a revocation and keeps it.
local epoch, what, ttl = ARGV[1], ARGV[2], ARGV[3]
local kept, ending = feed .. 'kept', now + ttl
redis.call('ZREMRANGEBYSCORE', kept, '-inf', now)
redis.call('ZADD', kept, 'GT', ending, what)
if redis.call('PTTL', kept) < ending - now then
  redis.call('PEXPIREAT', kept, ending)
end
publish(epoch, what, ending)
return {}
