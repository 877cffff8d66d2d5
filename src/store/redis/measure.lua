-- Counts in the buckets of every grain. ARGV[1] is the grains: `fine,300000,13` is 13 buckets of five minutes. From
-- there on, in threes: what is counted, how much, and when (empty is now).
for grain, span, kept in string.gmatch(ARGV[1], '(%a+),(%d+),(%d+)') do
  local newest, ends = math.floor(now / span), {}
  for i = 2, #ARGV, 3 do
    local at = math.min(now, tonumber(ARGV[i + 2]) or now)
    local number = math.floor(at / span)
    if number > newest - kept then
      local key = measures .. grain .. ':' .. number
      redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1])
      ends[key] = (number + kept) * span
    end
  end
  for key, ending in pairs(ends) do
    redis.call('PEXPIREAT', key, ending)
  end
end
return {}
