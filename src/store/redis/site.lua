-- What the scripts of one site share; it stands before each of them.
--
-- KEYS[1] is the prefix of the site's keys: the hash tag is in it, so all of them lie in one slot of a cluster. The
-- other names are made from it here, since most are known only after the first key was read. Time is Redis' own, in
-- milliseconds. Every key expires.
--
--   c:<challenge>   hash    a challenge                     b:<browser>     string  the family of a browser
--   p:<parked>      hash    a parked request                f:<family>      list    its live challenges, oldest first
--   w:<limit>:<of>  zset    what counts in a window         n:<subject>     string  wrong codes in a row
--   l:<subject>     string  until when it is locked         used[:subject]  zset    bytes kept, by the end of their time
--   k:<binding>     hash    a confirmation                  used…:sum       string  their sum
--   r:<token>       hash    a resume token                  s:<session>     string  an application's session
--   u:<contact>     zset    who proved it lately            a:<account>     hash    the contacts of an account
--   t:<count>       zset    what was seen of somebody lately
--   d:<device>      hash    how far it has moved on         o:<subject>     string  where it was last
--   spent:<budget>  hash    money spent, see money.lua      g:…             the guard against pumping, see pumping.lua
--
-- A family is what one browser opened. Its challenges name the family, and the browser's key leads to it: renaming that
-- one key gives the browser a new name and takes all its challenges along.

local site = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- How long a lock "until unlocked" outlives the last look at it, and a count of wrong codes in a row the last one.
local YEAR = 366 * 24 * 60 * 60 * 1000
-- Locks that are no time.
local UNTIL_UNLOCKED, CHALLENGE = -1, -2

-- Lets `key` live until `ending` at least.
local function keep(key, ending)
  if redis.call('PTTL', key) < ending - now then
    redis.call('PEXPIREAT', key, ending)
  end
end

-- === windows: `5,600000;10,86400000` is five in ten minutes and ten in a day

-- How long until one more fits into each of the windows; 0 is now.
local function full_for(key, windows)
  local longest = 0
  for count, span in string.gmatch(windows, '(%d+),(%d+)') do
    count, span = tonumber(count), tonumber(span)
    if redis.call('ZCOUNT', key, '(' .. (now - span), '+inf') >= count then
      local leaves = redis.call('ZRANGE', key, -count, -count, 'WITHSCORES')[2] + span - now
      longest = math.max(longest, leaves)
    end
  end
  return longest
end

-- Counts `member` now, and forgets what no window reaches.
local function count_in(key, windows, member)
  local longest = 0
  for span in string.gmatch(windows, ',(%d+)') do
    longest = math.max(longest, tonumber(span))
  end
  if longest > 0 then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - longest)
    redis.call('ZADD', key, now, member)
    keep(key, now + longest)
  end
end

-- === the lock of a subject

-- The lock as it was written down: 0 is none.
local function lock_of(subject)
  local ending = redis.call('GET', site .. 'l:' .. subject)
  if not ending then
    return 0
  end
  if tonumber(ending) == UNTIL_UNLOCKED then
    return UNTIL_UNLOCKED
  end
  return math.max(0, ending - now)
end

-- The lock as the failures make it, written down for those who do not know the limits.
local function locked_by_failures(subject, windows, consecutive)
  local key, known = site .. 'l:' .. subject, lock_of(subject)
  local in_a_row = tonumber(redis.call('GET', site .. 'n:' .. subject) or 0)
  if known == UNTIL_UNLOCKED or in_a_row >= consecutive then
    redis.call('SET', key, UNTIL_UNLOCKED, 'PX', YEAR)
    return UNTIL_UNLOCKED
  end
  local left = full_for(site .. 'w:failures.per_subject:' .. subject, windows)
  if left > known then
    redis.call('SET', key, now + left, 'PX', left)
  end
  return math.max(left, known)
end

-- === challenges

local function challenge(id)
  local flat = redis.call('HGETALL', site .. 'c:' .. id)
  if #flat == 0 then
    return nil
  end
  local c = {id = id}
  for i = 1, #flat, 2 do
    c[flat[i]] = flat[i + 1]
  end
  for _, field in ipairs({'tries', 'failed', 'ending', 'size', 'code_ending', 'last_send'}) do
    c[field] = tonumber(c[field])
  end
  c.sends = cjson.decode(c.sends)
  return c.ending > now and c or nil
end

-- The challenge `id`, if it is this browser's.
local function challenge_of(browser, id)
  local family = redis.call('GET', site .. 'b:' .. browser)
  local c = family and challenge(id)
  return c and c.family == family and c or nil
end

-- Where a challenge stands by itself, whatever the lock of its subject.
local function state_of(c)
  if c.passed then
    return 'passed'
  elseif c.failed >= c.tries then
    return 'locked'
  elseif not c.code_ending then
    return 'open'
  end
  return c.code_ending <= now and 'expired' or 'sent'
end

local function is_live(c)
  local state = c and state_of(c)
  return state == 'open' or state == 'sent'
end

-- The live challenges of a family, oldest first.
local function live_of(family)
  local list, live = site .. 'f:' .. family, {}
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local c = challenge(id)
    if is_live(c) then
      live[#live + 1] = c
    else
      redis.call('LREM', list, 1, id)
    end
  end
  return live
end

-- Where the code went, oldest first: `email:0 sms:1`.
local function sent(c)
  local places = {}
  for i, send in ipairs(c.sends) do
    places[i] = send.to
  end
  return table.concat(places, ' ')
end

-- === parked requests

-- The parked request `id`, without its sealed text, while it is kept.
local function parked(id)
  local found = redis.call('HMGET', site .. 'p:' .. id, 'family', 'subject', 'owner', 'size', 'ending')
  if not found[1] or tonumber(found[5]) <= now then
    return nil
  end
  return {id = id, family = found[1], subject = found[2], owner = found[3], size = tonumber(found[4])}
end

-- The parked request of a challenge, while it is kept and no other challenge adopted it.
local function parked_of(c)
  local found = c.parked and parked(c.parked)
  return found and found.owner == c.id and found or nil
end

-- === what is kept, in bytes

local function enter_in(ledger, member, size, ending)
  redis.call('ZADD', ledger, ending, size .. ':' .. member)
  redis.call('INCRBY', ledger .. ':sum', size)
  keep(ledger, ending)
  keep(ledger .. ':sum', ending)
end

local function strike_from(ledger, member, size)
  if redis.call('ZREM', ledger, size .. ':' .. member) == 1 then
    redis.call('DECRBY', ledger .. ':sum', size)
  end
end

local function enter(subject, member, size, ending)
  enter_in(site .. 'used', member, size, ending)
  enter_in(site .. 'used:' .. subject, member, size, ending)
end

local function strike(subject, member, size)
  strike_from(site .. 'used', member, size)
  strike_from(site .. 'used:' .. subject, member, size)
end

local function forget_parked(p)
  redis.call('DEL', site .. 'p:' .. p.id)
  strike(p.subject, 'p:' .. p.id, p.size)
end
