-- Queues marks; gives how many found no room.
local ttl, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = 0
for i = 3, #ARGV, 2 do
  local id, sealed = ARGV[i], ARGV[i + 1]
  if redis.call('EXISTS', kept .. id, done .. id) == 0 then
    if redis.call('ZCARD', queue) >= most then
      full = full + 1
    else
      redis.call('HSET', kept .. id, 'sealed', sealed, 'tries', 0, 'at', now)
      redis.call('PEXPIRE', kept .. id, ttl)
      redis.call('ZADD', queue, now, id)
      if redis.call('PTTL', queue) < ttl then
        redis.call('PEXPIRE', queue, ttl)
      end
    end
  end
end
return {full}
