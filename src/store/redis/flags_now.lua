-- Every flag that holds: its name, what else is known of it, and what is left of its time.
local found, answer = redis.call('ZRANGEBYSCORE', flags, '(' .. now, '+inf', 'WITHSCORES'), {}
for i = 1, #found, 2 do
  local text = redis.call('HGET', flagged, found[i])
  if text then
    answer[#answer + 1] = found[i]
    answer[#answer + 1] = text
    answer[#answer + 1] = found[i + 1] - now
  end
end
return answer
