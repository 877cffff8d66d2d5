-- Unlocks a subject: forgets its failures. 1 when it was locked.
local subject, windows, consecutive = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lock = locked_by_failures(subject, windows, consecutive)
redis.call('DEL', site .. 'l:' .. subject, site .. 'n:' .. subject, site .. 'w:failures.per_subject:' .. subject)
return {lock ~= 0 and 1 or 0}
