-- Keeps a sealed text with a message that is remembered, in the place of any that is kept.
local key = messages .. 'm:' .. ARGV[1]
if redis.call('EXISTS', key) == 1 then
  redis.call('HSET', key, 'words', ARGV[2])
end
return {}
