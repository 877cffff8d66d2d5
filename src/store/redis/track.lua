-- Remembers a message before a provider gets it.
local id, site, challenge, send, reference, provider, channel, country, charged, words, ttl = unpack(ARGV)
local key = messages .. 'm:' .. id
redis.call('HSET', key, 'site', site, 'challenge', challenge, 'send', send, 'reference', reference,
  'provider', provider, 'channel', channel, 'country', country, 'charged', charged, 'at', now, 'progress', 'handed',
  'rank', 0)
if words ~= '' then
  redis.call('HSET', key, 'words', words)
end
redis.call('PEXPIRE', key, ttl)
return {}
