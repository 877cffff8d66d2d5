-- The sealed subject of an application's session.
local sealed = redis.call('GET', site .. 's:' .. ARGV[1])
return sealed and sealed ~= '' and {sealed} or {}
