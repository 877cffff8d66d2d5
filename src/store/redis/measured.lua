-- The newest buckets of a grain that count anything, newest first: the age of each, and its counts.
local grain, span, buckets = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local answer, newest = {}, math.floor(now / span)
for number = newest, newest - buckets + 1, -1 do
  local counts = redis.call('HGETALL', measures .. grain .. ':' .. number)
  if #counts > 0 then
    answer[#answer + 1] = now - number * span
    answer[#answer + 1] = counts
  end
end
return answer
