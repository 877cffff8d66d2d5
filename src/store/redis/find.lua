-- The challenge of a browser by its id, or its only live one.
local browser, id = ARGV[1], ARGV[2]
local c
if id ~= '' then
  c = challenge_of(browser, id)
else
  local family = redis.call('GET', site .. 'b:' .. browser)
  local live = family and live_of(family) or {}
  if #live > 1 then
    return {'several'}
  end
  c = live[1]
end
if not c then
  return {'none'}
end

local state, lock = state_of(c), 0
if state == 'locked' then
  lock = CHALLENGE
end
if state ~= 'passed' then
  local of_subject = lock_of(c.subject)
  if of_subject ~= 0 then
    state, lock = 'locked', of_subject
  end
end
local p, last = parked_of(c), c.sends[#c.sends]
local sends = {}
for _, send in ipairs(c.sends) do
  sends[#sends + 1] = {send.send, send.to, send.provider or '', send.message or '', send.progress or 'handed'}
end
return {
  'one', c.id, c.subject, c.sealed, p and p.id or '', c.reference, state, lock, math.max(0, c.tries - c.failed), sends,
  math.max(0, (c.code_ending or now) - now), last and math.max(0, last.at + last.wait - now) or 0
}
