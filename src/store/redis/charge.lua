-- Pays for a message, if there is enough left of every budget; ARGV from 3 on. What was spent with it, or how long
-- until it may fit.
local amount = tonumber(ARGV[2])

-- How long until the amount fits into a budget; 0 is now.
local function fits_in(period, budget)
  local function fits(first)
    return amount <= math.max(0, budget - sum(period, first))
  end
  if fits(1) then
    return 0
  elseif amount > budget then
    return period.step * period.steps
  end
  for i, step in ipairs(period.spent) do
    if fits(i + 1) then
      return (step.number + 1 + period.steps) * period.step - now
    end
  end
end

local longest, which = 0, 0
for i, period in ipairs(periods) do
  local budget = tonumber(ARGV[2 + i])
  local wait = budget and fits_in(period, budget) or 0
  if wait > longest then
    longest, which = wait, i - 1
  end
end
if longest > 0 then
  return {'exhausted', which, longest}
end
local answer = {'yes'}
for i, period in ipairs(periods) do
  if amount > 0 then
    add(period, amount)
  end
  answer[i + 1] = sum(period, 1) + amount
end
return answer
