-- Which contacts an account has: remembers since when, and tells what changed, and who is to get a notice of it.
local account, cooldown, keep_for, most_gone = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local windows, notice, is_vouched = ARGV[5], ARGV[6], ARGV[7] == '1'
-- From here on, in pairs, the contacts that are listed, and their sealed texts.
local LISTED = 8
local key = site .. 'a:' .. account
local NEVER = -1

-- `h<contact>` is "first gone from_start owed", `s<contact>` its sealed text; `seen` stands there for an account without any.
local known, order, changed = {}, {}, 0
local flat = redis.call('HGETALL', key)
local is_first = #flat == 0
for i = 1, #flat, 2 do
  local contact = string.match(flat[i], '^h(.+)$')
  if contact then
    local first, gone, from_start, owed = string.match(flat[i + 1], '^(%S+) (%S+) (%S+) (%S+)$')
    known[contact] = {
      contact = contact, first = tonumber(first), gone = tonumber(gone), from_start = from_start == '1',
      owed = owed == '1'
    }
  end
end
for i = 1, #flat, 2 do
  local contact = string.match(flat[i], '^s(.+)$')
  if contact and known[contact] then
    known[contact].sealed = flat[i + 1]
  end
end

-- Whether it was there for so long, to the last, that it is older than a change.
local function is_settled(c)
  local last = c.gone == NEVER and now or c.gone
  return c.from_start or last - c.first >= cooldown
end

local listed = {}
for i = LISTED, #ARGV, 2 do
  listed[ARGV[i]] = true
end
if is_vouched then
  -- It is what the account always had, and all else is forgotten.
  for contact, c in pairs(known) do
    local is_over = c.gone ~= NEVER and c.gone + keep_for <= now
    if not is_over and (c.gone ~= NEVER or not listed[contact] or not is_settled(c)) then
      changed = 1
    end
  end
  known = {}
  for i = LISTED, #ARGV, 2 do
    known[ARGV[i]] = {
      contact = ARGV[i], sealed = ARGV[i + 1], first = 0, gone = NEVER, from_start = true, owed = false
    }
  end
end
for contact, c in pairs(known) do
  if c.gone ~= NEVER and c.gone + keep_for <= now then
    known[contact] = nil
  elseif c.gone == NEVER and not listed[contact] then
    c.gone, changed = now, 1
  end
end
for i = LISTED, #ARGV, 2 do
  local contact, sealed = ARGV[i], ARGV[i + 1]
  local c = known[contact]
  if not c then
    if not is_first then
      changed = 1
    end
    known[contact] = {
      contact = contact, sealed = sealed, first = now, gone = NEVER, from_start = is_first, owed = false,
      is_new = not is_first
    }
  else
    c.sealed = sealed
    if c.gone ~= NEVER then
      -- Whoever was away for long, or not there for long before, begins anew.
      if c.gone + cooldown <= now or not is_settled(c) then
        c.first, c.from_start = now, false
      end
      c.gone, c.is_new, changed = NEVER, true, 1
    end
  end
end

local gone = {}
for _, c in pairs(known) do
  order[#order + 1] = c
  if changed == 1 and not is_vouched and not c.is_new then
    if c.gone == NEVER or c.gone == now or (is_settled(c) and c.gone + cooldown > now) then
      c.owed = true
    end
  end
  if c.gone ~= NEVER then
    gone[#gone + 1] = c
  end
end

-- Of what is gone the oldest give way, and first of all what was never there for long: nobody pushes out an older contact
-- by one change after another.
table.sort(gone, function(a, b)
  local one, other = is_settled(a), is_settled(b)
  if one ~= other then
    return other
  elseif a.gone ~= b.gone then
    return a.gone < b.gone
  end
  return a.contact < b.contact
end)
for i = 1, #gone - most_gone do
  gone[i].is_over = true
end

local reply = {changed}
redis.call('DEL', key)
redis.call('HSET', key, 'seen', now)
for _, c in ipairs(order) do
  if not c.is_over then
    local count, notify = site .. 'w:per_contact:' .. c.contact, 0
    if c.owed and full_for(count, windows) == 0 then
      count_in(count, windows, notice .. ':0')
      c.owed, notify = false, 1
    end
    local told = {c.first, c.gone, c.from_start and 1 or 0, c.owed and 1 or 0}
    for i, number in ipairs(told) do
      told[i] = string.format('%.0f', number)
    end
    redis.call('HSET', key, 'h' .. c.contact, table.concat(told, ' '), 's' .. c.contact, c.sealed)
    reply[#reply + 1] = {
      c.contact, c.sealed, math.max(0, now - c.first), c.from_start and 1 or 0,
      c.gone == NEVER and NEVER or math.max(0, now - c.gone), c.is_new and 1 or 0, notify
    }
  end
end
redis.call('PEXPIRE', key, keep_for)
return reply
