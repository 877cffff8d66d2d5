-- What a call says, for just one caller.
local key = messages .. 'm:' .. ARGV[1]
local words = redis.call('HGET', key, 'words')
redis.call('HDEL', key, 'words')
return words and {words} or {}
