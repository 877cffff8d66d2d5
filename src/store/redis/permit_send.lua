-- Permits a send, counting it against every limit, or says why not.
local id, browser, subject, destination, code, code_sealed, code_ttl = unpack(ARGV, 1, 7)
local resends, waits, windows, consecutive = tonumber(ARGV[8]), ARGV[9], ARGV[10], tonumber(ARGV[11])
local contact, mode, window, pause = ARGV[12], ARGV[13], tonumber(ARGV[14]), tonumber(ARGV[15])
-- From here on, in fours, the guards; and then, in pairs, what the send counts against, and its windows.
local COUNTERS, guards = 17 + 4 * ARGV[16], {}
for i = 17, COUNTERS - 1, 4 do
  guards[#guards + 1] = {
    group = ARGV[i], grace = tonumber(ARGV[i + 1]), at_least = tonumber(ARGV[i + 2]),
    verified_below = tonumber(ARGV[i + 3])
  }
end

local c = challenge_of(browser, id)
if not c or c.subject ~= subject then
  return {'missing'}
end
local lock = locked_by_failures(subject, windows, consecutive)
if lock ~= 0 then
  return {'locked', lock}
end
local state = state_of(c)
if state == 'locked' then
  return {'locked', CHALLENGE}
elseif state == 'passed' or state == 'expired' then
  return {state}
end

local count = #c.sends
if count > resends then
  return {'exhausted', c.code_ending - now}
end
local last = c.sends[count]
if last and last.at + last.wait > now then
  return {'wait', last.at + last.wait - now}
end

-- All the limits before anything is counted. The one that holds longest is told: then one more fits.
local longest, which = 0, 0
for i = COUNTERS, #ARGV, 2 do
  local left = full_for(site .. 'w:' .. ARGV[i], ARGV[i + 1])
  if left > longest then
    longest, which = left, (i - COUNTERS) / 2
  end
end
if longest > 0 then
  return {'too_many', which, longest}
end

local guard, left, begins = stopped(guards, contact, window, pause)
if guard and mode == 'block' then
  return {'paused', guard - 1, left, begins}
end

local send, key = c.last_send + 1, site .. 'c:' .. id
local counted = {}
for i = COUNTERS, #ARGV, 2 do
  count_in(site .. 'w:' .. ARGV[i], ARGV[i + 1], id .. ':' .. send)
  counted[#counted + 1] = ARGV[i]
end
if count == 0 then
  -- A code cannot outlive its challenge.
  c.code_sealed, c.code_ending = code_sealed, math.min(now + code_ttl, c.ending)
  redis.call('HSET', key, 'code', code, 'code_sealed', code_sealed, 'code_ending', c.code_ending)
end
local wait, place = 0, 0
for text in string.gmatch(waits, '%d+') do
  if place <= count then
    wait, place = tonumber(text), place + 1
  end
end
c.sends[count + 1] = {
  send = send, at = now, wait = wait, to = destination, counted = counted, guarded = try(guards, contact, window)
}
redis.call('HSET', key, 'sends', cjson.encode(c.sends), 'last_send', send)
-- A guard that only observes tells so once for each pause.
return {'send', send, c.code_sealed, resends - count, wait, c.code_ending - now, begins == 1 and guard - 1 or -1}
