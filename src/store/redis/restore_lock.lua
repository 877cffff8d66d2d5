-- Locks a subject for as long as a gateway knew it to be, unless it is locked for longer.
local subject, left = ARGV[1], tonumber(ARGV[2])
local key, known = site .. 'l:' .. subject, lock_of(subject)
if left == UNTIL_UNLOCKED then
  redis.call('SET', key, UNTIL_UNLOCKED, 'PX', YEAR)
elseif known ~= UNTIL_UNLOCKED and left > known then
  redis.call('SET', key, now + left, 'PX', left)
end
return {}
