-- Who proved a contact lately: notes one, and counts the others.
local contact, by, note, within, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local key = site .. 'u:' .. contact
redis.call('ZREMRANGEBYSCORE', key, '-inf', now - within)
if note == '1' then
  redis.call('ZADD', key, now, by)
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
  redis.call('PEXPIRE', key, within)
end
local others = redis.call('ZCARD', key)
if redis.call('ZSCORE', key, by) then
  others = others - 1
end
return {others}
