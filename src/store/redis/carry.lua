-- Notes on a send how far its message came. The provider is told when the message only now becomes the send's.
local id, number, message, provider, progress, rank = unpack(ARGV)
local c = challenge(id)
if not c then
  return {}
end
for _, send in ipairs(c.sends) do
  if send.send == tonumber(number) then
    local is_carried = send.message == message
    if (is_carried and tonumber(rank) > send.rank) or (not is_carried and provider ~= '') then
      if not is_carried then
        send.message, send.provider = message, provider
      end
      send.progress, send.rank = progress, tonumber(rank)
      redis.call('HSET', site .. 'c:' .. id, 'sends', cjson.encode(c.sends))
    end
  end
end
return {}
