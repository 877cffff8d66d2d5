-- A mark that was taken is due again after a while, unless it was taken again since.
local id, tries, wait = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', kept .. id, 'tries') == tries then
  redis.call('ZADD', queue, 'XX', now + wait, id)
end
return {}
