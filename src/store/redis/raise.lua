-- Puts up flags and tells every gateway. For each: 0 it holds for long enough already, 1 it is new, 2 it holds for longer now.
local epoch, most = ARGV[1], tonumber(ARGV[2])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', flags, '-inf', now, 'LIMIT', 0, 1000)) do
  forget(name)
end
local answer = {}
-- In fours: sign, scope and whom; what else is known; the site; and how long it holds.
for i = 3, #ARGV, 4 do
  local what, text, site, ttl = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local name, ending = what .. ' ' .. site, now + ttl
  local known = tonumber(redis.call('ZSCORE', flags, name) or 0)
  if known - now > ttl * 3 / 4 then
    answer[#answer + 1] = 0
  else
    if known == 0 and redis.call('ZCARD', flags) >= most then
      forget(redis.call('ZRANGE', flags, 0, 0)[1])
    end
    ending = math.max(ending, known)
    redis.call('ZADD', flags, ending, name)
    redis.call('HSET', flagged, name, text)
    keep_until(ending)
    publish(epoch, 'flag ' .. what .. ' ' .. text .. ' ' .. site, ending)
    answer[#answer + 1] = known > now and 2 or 1
  end
end
return answer
