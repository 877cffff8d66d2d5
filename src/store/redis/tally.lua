-- Counts, and gives how many there are within each window. In fours: the count's name, its limit, its window, the member.
local counts = {}
for i = 1, #ARGV, 4 do
  local key, limit, span, member = site .. 't:' .. ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - span)
  redis.call('ZADD', key, now, member)
  -- More than the limit tell no more.
  redis.call('ZREMRANGEBYRANK', key, 0, -limit - 1)
  redis.call('PEXPIRE', key, span)
  counts[#counts + 1] = redis.call('ZCARD', key)
end
return counts
