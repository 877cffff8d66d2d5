-- Puts right what was charged, by a difference: at most by all that counts.
local difference = tonumber(ARGV[2])
for _, period in ipairs(periods) do
  local change = math.max(difference, -sum(period, 1))
  if change ~= 0 then
    add(period, change)
  end
end
return {}
