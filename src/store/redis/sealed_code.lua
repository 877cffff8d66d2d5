-- The sealed code of a challenge that is sent and still takes an answer.
local browser, id = ARGV[1], ARGV[2]
local c = challenge_of(browser, id)
if not c or state_of(c) ~= 'sent' or lock_of(c.subject) ~= 0 then
  return {}
end
return {c.code_sealed}
