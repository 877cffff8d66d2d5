-- Takes the parked request behind a resume token.
local key = site .. 'r:' .. ARGV[1]
local token = redis.call('HMGET', key, 'parked', 'used')
local p = token[1] and not token[2] and parked(token[1])
if not p then
  return {0}
end
redis.call('HSET', key, 'used', 1)
forget_parked(p)
return {1}
