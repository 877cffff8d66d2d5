-- What the scripts of marks share; it stands before each of them.
--
-- Marks of all sites are one queue in a slot of its own. KEYS[1] is the prefix of its keys, with its hash tag. Every key
-- expires.
--
--   queue           zset    marks by when they are due: also those that a gateway has taken, which are due when its
--                           lease runs out
--   k:<mark>        hash    a mark                          d:<mark>        string  one that is done
--   n:<of>          string  the newest of those of which only the newest counts

local queue, kept, gone, newest = KEYS[1] .. 'queue', KEYS[1] .. 'k:', KEYS[1] .. 'd:', KEYS[1] .. 'n:'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A mark is done; its name is remembered, so that it is not queued again.
local function done(id, remembered)
  if redis.call('DEL', kept .. id) == 1 then
    redis.call('SET', gone .. id, '', 'PX', remembered)
  end
  redis.call('ZREM', queue, id)
end
