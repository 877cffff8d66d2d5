-- Moves a message on as a receipt says, and notes what it cost when that is told for the first time: what became of it,
-- the message, where it stood before, and what was charged before (empty without a new price).
local which, name, provider, progress, rank, price, nonce, nonce_ttl = unpack(ARGV)
local id = which == 'ours' and name or redis.call('GET', messages .. 't:' .. name)
local key = id and messages .. 'm:' .. id
if not key or redis.call('HGET', key, 'provider') ~= provider then
  return {'unknown'}
end
if nonce ~= '' and not redis.call('SET', messages .. 'n:' .. nonce, '', 'NX', 'PX', nonce_ttl) then
  return {'replayed'}
end
local charged = reprice(key, price)
local before, moves = move(key, progress, rank)
return {moves and 'moved' or 'stands', id, message(id), before, charged}
