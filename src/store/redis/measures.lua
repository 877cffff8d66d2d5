-- What the scripts of measures share; it stands before each of them.
--
-- Measures have a slot of their own: KEYS[1] is the prefix of its keys, with its hash tag. Every key expires.
--
--   <grain>:<number>  hash  the counts of one bucket; its number is its beginning in lengths of a bucket

local measures = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
