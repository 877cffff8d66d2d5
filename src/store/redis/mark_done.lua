-- A mark is done.
local id, remembered = ARGV[1], ARGV[2]
if redis.call('DEL', kept .. id) == 1 then
  redis.call('SET', done .. id, '', 'PX', remembered)
end
redis.call('ZREM', queue, id)
return {}
