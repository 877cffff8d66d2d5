-- What the scripts of the change feed share; it stands before each of them.
--
-- The feed has a slot of its own: KEYS[1] is the prefix of its keys, with its hash tag. Every change has a number, one
-- more than the change before it, which is also its id in the stream: a reader sees at once that it missed some. The
-- epoch is random and lives beside the number: when it is another than the reader knew, the store lost its memory.
--
--   head    hash    the epoch and the number of the last change
--   stream  stream  the last changes
--   kept    zset    the revocations, by the end of their time

local feed = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A head that no gateway asked for in so long has no reader left.
local HEAD_TTL = 7 * 24 * 60 * 60 * 1000
-- A reader that was away for longer than the stream remembers starts anew.
local STREAM_TTL, STREAM_LENGTH = 24 * 60 * 60 * 1000, 10000

-- The epoch, and the number of the last change. `epoch` becomes the epoch when there is none.
local function head(epoch)
  if redis.call('HSETNX', feed .. 'head', 'epoch', epoch) == 1 then
    -- A stream that outlived its head would take no lower number.
    redis.call('DEL', feed .. 'stream')
  end
  redis.call('PEXPIRE', feed .. 'head', HEAD_TTL)
  local found = redis.call('HMGET', feed .. 'head', 'epoch', 'last')
  return found[1], tonumber(found[2] or 0)
end

-- Tells every gateway. `ending` is until when the change holds; 0 for one that just happened.
local function publish(epoch, what, ending)
  head(epoch)
  local number = redis.call('HINCRBY', feed .. 'head', 'last', 1)
  local stream = feed .. 'stream'
  redis.call('XADD', stream, 'MAXLEN', '~', STREAM_LENGTH, number .. '-0', 'what', what, 'ending', ending)
  redis.call('PEXPIRE', stream, STREAM_TTL)
end
