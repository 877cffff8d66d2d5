-- What the scripts of money share; it stands after site.lua.
--
--   spent:<budget>  hash  what was spent in each step of a period, in millionths, by the step's number
--
-- ARGV[1] is the periods: `per_hour,60000,60` is 60 steps of a minute. A step counts until all of it is older than the
-- period. There is less than nothing in a step where more was put right than charged.

local periods = {}
for budget, step, steps in string.gmatch(ARGV[1], '([%a_]+),(%d+),(%d+)') do
  local period = {key = site .. 'spent:' .. budget, step = tonumber(step), steps = tonumber(steps), spent = {}}
  period.number = math.floor(now / period.step)
  periods[#periods + 1] = period
end

-- Reads what was spent in each step, oldest first, and forgets what no period reaches any more.
for _, period in ipairs(periods) do
  local flat = redis.call('HGETALL', period.key)
  for i = 1, #flat, 2 do
    local number = tonumber(flat[i])
    if number < period.number - period.steps then
      redis.call('HDEL', period.key, flat[i])
    else
      period.spent[#period.spent + 1] = {number = number, amount = tonumber(flat[i + 1])}
    end
  end
  table.sort(period.spent, function(one, other) return one.number < other.number end)
end

-- The sum from the `first` step on. What is put right takes from what was charged before it, and nothing from what is
-- charged after: else a charge that leaves its period before its correction does would leave room for twice as much.
local function sum(period, first)
  local total = 0
  for i = first, #period.spent do
    total = math.max(0, total + period.spent[i].amount)
  end
  return total
end

local function add(period, amount)
  redis.call('HINCRBY', period.key, period.number, amount)
  redis.call('PEXPIREAT', period.key, (period.number + 1 + period.steps) * period.step)
end
