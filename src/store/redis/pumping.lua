-- What the scripts of the guard against pumping share; it stands after site.lua.
--
--   g:tried:<group>     zset    the contacts that were tried, by their first try within the window
--   g:verified:<group>  zset    those of them that came back, by the same moment
--   g:paused:<group>    string  a pause
--
-- A group is the name of a guard and a prefix. Each set keeps its newest contacts only, so what came back is held against
-- what was tried from the oldest try on that is still known.

local TRIED, VERIFIED, PAUSED = site .. 'g:tried:', site .. 'g:verified:', site .. 'g:paused:'
local MOST = 10000

-- Marks a contact in one of the sets, unless it is; 1 when it was not.
local function mark(key, contact, moment, window)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local is_new = redis.call('ZADD', key, 'NX', moment, contact)
  redis.call('ZREMRANGEBYRANK', key, 0, -MOST - 1)
  keep(key, now + window)
  return is_new
end

-- Whether a contact came back within the window.
local function has_come_back(group, contact, window)
  local moment = redis.call('ZSCORE', VERIFIED .. group, contact)
  return moment and tonumber(moment) > now - window
end

-- Whether too few of the others that were tried in a guard's group came back.
local function has_collapsed(guard, contact, window)
  local tried, till = TRIED .. guard.group, now - guard.grace
  local first = redis.call('ZRANGEBYSCORE', tried, '(' .. (now - window), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if not first then
    return false
  end
  local own, count = redis.call('ZSCORE', tried, contact), redis.call('ZCOUNT', tried, first, till)
  own = own and tonumber(own)
  if own and own >= tonumber(first) and own <= till then
    count = count - 1
  end
  local came_back = redis.call('ZCOUNT', VERIFIED .. guard.group, first, till)
  return count >= guard.at_least and came_back * 100 < guard.verified_below * count
end

-- Which of the guards stops a message to a contact, for how long, and whether the pause begins now; nothing when none does.
local function stopped(guards, contact, window, pause)
  local watching, longest, which = {}, 0, nil
  for i, guard in ipairs(guards) do
    -- Behind a number that came back is a person.
    if not has_come_back(guard.group, contact, window) then
      watching[#watching + 1] = i
      local left = redis.call('PTTL', PAUSED .. guard.group)
      if left > longest then
        longest, which = left, i
      end
    end
  end
  if which then
    return which, longest, 0
  end
  for _, i in ipairs(watching) do
    if has_collapsed(guards[i], contact, window) then
      redis.call('SET', PAUSED .. guards[i].group, '', 'PX', pause)
      return i, pause, 1
    end
  end
end

-- Notes that a send tried its contact in every group; gives what to note on the send.
local function try(guards, contact, window)
  local guarded = {contact = contact, window = window, groups = {}, set = {}}
  for i, guard in ipairs(guards) do
    guarded.groups[i] = guard.group
    if mark(TRIED .. guard.group, contact, now, window) == 1 then
      guarded.set[#guarded.set + 1] = guard.group
    end
  end
  return guarded
end

-- Notes that the code of a send came back.
local function came_back(send)
  local guarded = send.guarded or {groups = {}}
  for _, group in ipairs(guarded.groups) do
    -- A mark that was taken away, or made room for others, is set again.
    if send.at > now - guarded.window then
      mark(TRIED .. group, guarded.contact, send.at, guarded.window)
    end
    local moment = redis.call('ZSCORE', TRIED .. group, guarded.contact)
    if moment then
      mark(VERIFIED .. group, guarded.contact, moment, guarded.window)
    end
  end
end

-- Takes the marks away that a send set, unless the contact came back meanwhile.
local function untry(send)
  local guarded = send.guarded or {set = {}}
  for _, group in ipairs(guarded.set) do
    if not has_come_back(group, guarded.contact, guarded.window) then
      redis.call('ZREM', TRIED .. group, guarded.contact)
    end
  end
end
