-- Which of the groups of a contact is paused, by its place among them; 0 when none is.
local contact, window = ARGV[1], tonumber(ARGV[2])
for place = 3, #ARGV do
  local group = ARGV[place]
  if redis.call('EXISTS', PAUSED .. group) == 1 and not has_come_back(group, contact, window) then
    return {place - 2}
  end
end
return {0}
