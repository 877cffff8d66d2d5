-- Moves the cookie of a device on, or begins a device.
local device, shown, grace, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key = site .. 'd:' .. device
local found = redis.call('HMGET', key, 'newest', 'before', 'since')
local newest, before, since = tonumber(found[1]), tonumber(found[2]), tonumber(found[3])
if shown == 0 then
  newest, before, since = 1, 1, now
elseif not newest then
  return {0}
elseif newest == -1 or (shown ~= newest and shown ~= before) then
  newest, before, since = -1, -1, now
elseif shown == newest or since + grace <= now then
  newest, before, since = newest + 1, shown, now
end
redis.call('HSET', key, 'newest', newest, 'before', before, 'since', since)
redis.call('PEXPIRE', key, keep)
return {newest}
