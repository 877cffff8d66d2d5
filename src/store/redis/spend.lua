-- Spends a confirmation of one request.
local key = site .. 'k:' .. ARGV[1]
local found = redis.call('HMGET', key, 'sent', 'at')
if redis.call('DEL', key) == 0 then
  return {'none'}
end
return {'spent', found[1], tonumber(found[2])}
