-- What the scripts of messages share; it stands before each of them.
--
-- Messages of all sites have a slot of their own, since a receipt names no site. KEYS[1] is the prefix of its keys, with
-- its hash tag. Every key expires.
--
--   m:<message>  hash    a message         t:<name>   string  the message that a provider calls so
--                                          n:<nonce>  string  what a receipt used once

local messages = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Moves a message on to `progress`, never back. Where it stood before, and whether it moved.
local function move(key, progress, rank)
  local before = redis.call('HMGET', key, 'progress', 'rank')
  local moves = tonumber(rank) > tonumber(before[2])
  if moves then
    redis.call('HSET', key, 'progress', progress, 'rank', rank)
  end
  return before[1], moves
end

-- Notes what a message cost, when that is told for the first time: what was charged before, else nothing.
local function reprice(key, price)
  if price == '' or redis.call('HSETNX', key, 'priced', 1) == 0 then
    return ''
  end
  local charged = redis.call('HGET', key, 'charged')
  redis.call('HSET', key, 'charged', price)
  return charged
end

-- A message as gateways read it; empty when it is gone.
local function message(id)
  local key = messages .. 'm:' .. id
  if redis.call('EXISTS', key) == 0 then
    return {}
  end
  local found = redis.call('HMGET', key, 'site', 'challenge', 'send', 'reference', 'provider', 'channel', 'country',
    'charged', 'at', 'progress')
  found[11] = math.max(0, now - found[9])
  return found
end
