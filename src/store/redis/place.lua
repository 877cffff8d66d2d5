-- Where a subject was last, sealed.
local sealed = redis.call('GET', site .. 'o:' .. ARGV[1])
return sealed and {sealed} or {}
