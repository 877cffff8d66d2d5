-- The parked request behind a resume token.
local token = redis.call('HMGET', site .. 'r:' .. ARGV[1], 'parked', 'used')
if token[2] then
  return {'used'}
end
local p = token[1] and parked(token[1])
if not p then
  return {'unknown'}
end
return {'ready', p.id, p.subject, redis.call('HGET', site .. 'p:' .. p.id, 'sealed')}
