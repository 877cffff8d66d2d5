-- What changed since a reader's epoch and number: the epoch and number now, whether changes were missed, and each
-- change with what is left of its time. A reader without an epoch starts at the present; one of another epoch missed
-- changes, and is told all since this epoch began.
local epoch, last = head(ARGV[1])
local known, seen = ARGV[2], tonumber(ARGV[3])
if known == '' then
  return {epoch, last, 0}
end
local answer = {epoch, last, 0}
if known ~= epoch then
  seen, answer[3] = 0, 1
elseif seen > last then
  return {epoch, last, 1}
end
if seen == last then
  return answer
end
local entries = redis.call('XRANGE', feed .. 'stream', (seen + 1) .. '-0', '+', 'COUNT', 1000)
for i, entry in ipairs(entries) do
  local number = tonumber(string.match(entry[1], '^%d+'))
  if number ~= seen + i then
    return {epoch, last, 1}
  end
  answer[2] = number
  answer[#answer + 1] = entry[2][2]
  answer[#answer + 1] = math.max(0, entry[2][4] - now)
end
if #entries == 0 then
  answer[3] = 1
end
return answer
