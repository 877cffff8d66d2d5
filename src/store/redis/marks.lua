-- What the scripts of marks share; it stands before each of them.
--
-- Marks of all sites are one queue in a slot of its own. KEYS[1] is the prefix of its keys, with its hash tag. Every key
-- expires.
--
--   queue           zset    marks by when they are due: also those that a gateway has taken, which are due when its
--                           lease runs out
--   k:<mark>        hash    a mark                          d:<mark>        string  one that is done

local queue, kept, done = KEYS[1] .. 'queue', KEYS[1] .. 'k:', KEYS[1] .. 'd:'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
