-- Queues marks; gives how many found no room.
local ttl, most, remembered = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local full = 0
for i = 4, #ARGV, 3 do
  local id, sealed, of = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('EXISTS', kept .. id, gone .. id) == 0 then
    local older = of ~= '' and redis.call('GET', newest .. of)
    if older then
      done(older, remembered)
    end
    if redis.call('ZCARD', queue) >= most then
      full = full + 1
    else
      redis.call('HSET', kept .. id, 'sealed', sealed, 'tries', 0, 'at', now)
      redis.call('PEXPIRE', kept .. id, ttl)
      if of ~= '' then
        redis.call('SET', newest .. of, id, 'PX', ttl)
      end
      redis.call('ZADD', queue, now, id)
      if redis.call('PTTL', queue) < ttl then
        redis.call('PEXPIRE', queue, ttl)
      end
    end
  end
end
return {full}
