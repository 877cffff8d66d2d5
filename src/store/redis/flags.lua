-- What the scripts of flags share; it stands behind feed.lua and before each of them.
--
--   flags    zset  the flags by the end of their time, each by its name: `failures address <whom> <site>`
--   flagged  hash  what else is known of each: `<count> <window> <whom, sealed>`
local flags, flagged = feed .. 'flags', feed .. 'flagged'

local function forget(name)
  redis.call('ZREM', flags, name)
  redis.call('HDEL', flagged, name)
end

local function keep_until(ending)
  for _, key in ipairs({flags, flagged}) do
    if redis.call('PTTL', key) < ending - now then
      redis.call('PEXPIREAT', key, ending)
    end
  end
end
