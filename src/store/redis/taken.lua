-- Moves a message on that a provider took, and remembers what the provider calls it. How far it came, and what was charged
-- before (empty without a new price); nothing when it is gone.
local id, theirs, progress, rank, price = unpack(ARGV)
local key = messages .. 'm:' .. id
local left = redis.call('PTTL', key)
if left <= 0 then
  return {}
end
move(key, progress, rank)
if theirs ~= '' then
  redis.call('SET', messages .. 't:' .. theirs, id, 'PX', left)
end
return {redis.call('HGET', key, 'progress'), reprice(key, price)}
