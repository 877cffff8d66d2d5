-- Takes down every flag of somebody and tells every gateway. For each: whether it held.
local epoch, whom, site = ARGV[1], ARGV[2], ARGV[3]
local answer = {}
for i = 4, #ARGV do
  local name = ARGV[i] .. ' ' .. whom .. ' ' .. site
  local ending = tonumber(redis.call('ZSCORE', flags, name) or 0)
  forget(name)
  answer[#answer + 1] = ending > now and 1 or 0
end
publish(epoch, 'lifted ' .. whom .. ' ' .. site, 0)
return answer
