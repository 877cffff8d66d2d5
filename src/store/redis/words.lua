-- The sealed text that is kept with a message, which stays.
local words = redis.call('HGET', messages .. 'm:' .. ARGV[1], 'words')
return words and {words} or {}
