-- Gives a send back that reached nobody.
local id, number = ARGV[1], tonumber(ARGV[2])
local c = challenge(id)
-- One that is passed gave all its sends back.
if not c or c.passed then
  return {}
end
local key, kept = site .. 'c:' .. id, {}
for _, send in ipairs(c.sends) do
  if send.send == number then
    untry(send)
    for _, counter in ipairs(send.counted) do
      redis.call('ZREM', site .. 'w:' .. counter, id .. ':' .. number)
    end
  else
    kept[#kept + 1] = send
  end
end
if #kept == 0 then
  -- Nobody has the code: the next send is the first one again.
  redis.call('HSET', key, 'sends', '[]')
  redis.call('HDEL', key, 'code', 'code_sealed', 'code_ending')
elseif #kept < #c.sends then
  redis.call('HSET', key, 'sends', cjson.encode(kept))
end
return {}
