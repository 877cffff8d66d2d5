-- Answers a challenge: compares, counts, locks, and on success gives the sends back and leaves what may now be done.
local id, browser, subject, code, ip_counter, new_browser = unpack(ARGV, 1, 6)
local binding, binding_ttl, token, token_ttl = unpack(ARGV, 7, 10)
local windows, consecutive, ip_windows = ARGV[11], tonumber(ARGV[12]), ARGV[13]

local key, by_ip = site .. 'c:' .. id, site .. 'w:' .. ip_counter
local by_subject = site .. 'w:failures.per_subject:' .. subject

-- The subject's lock or the client address's, whichever holds longer.
local function locked()
  local lock = locked_by_failures(subject, windows, consecutive)
  return lock == UNTIL_UNLOCKED and lock or math.max(lock, full_for(by_ip, ip_windows))
end

local c = challenge_of(browser, id)
if not c or c.subject ~= subject then
  return {'missing'}
end
local lock = locked()
if lock ~= 0 then
  return {'locked', lock}
end
local state = state_of(c)
if state == 'locked' then
  return {'locked', CHALLENGE}
elseif state == 'passed' then
  return {'spent'}
elseif state == 'open' then
  return {'not_sent'}
elseif state == 'expired' then
  return {'expired'}
end

-- Both sides are HMACs under a key that no client has. How far they agree says nothing about how near a guess came, so
-- the comparison need not take constant time.
if c.code ~= code then
  local failed = redis.call('HINCRBY', key, 'failed', 1)
  local member = id .. ':' .. failed
  count_in(by_subject, windows, member)
  count_in(by_ip, ip_windows, member)
  redis.call('INCR', site .. 'n:' .. subject)
  keep(site .. 'n:' .. subject, now + YEAR)
  lock = locked()
  if lock ~= 0 then
    return {'locked', lock}
  elseif failed >= c.tries then
    return {'locked', CHALLENGE}
  end
  return {'wrong', c.tries - failed}
end

local p, message = token ~= '' and parked_of(c), ''
redis.call('HSET', key, 'passed', now)
redis.call('HDEL', key, 'code', 'code_sealed', 'code_ending')
redis.call('LREM', site .. 'f:' .. c.family, 1, id)
redis.call('DEL', site .. 'n:' .. subject)
for _, send in ipairs(c.sends) do
  message = send.message or message
  came_back(send)
  for _, counter in ipairs(send.counted) do
    redis.call('ZREM', site .. 'w:' .. counter, id .. ':' .. send.send)
  end
end
redis.call('RENAME', site .. 'b:' .. browser, site .. 'b:' .. new_browser)
if binding ~= '' then
  local confirmation = site .. 'k:' .. binding
  redis.call('HSET', confirmation, 'sent', sent(c), 'at', now)
  redis.call('PEXPIRE', confirmation, binding_ttl)
end
if p then
  local resume = site .. 'r:' .. token
  redis.call('DEL', resume)
  redis.call('HSET', resume, 'parked', p.id)
  redis.call('PEXPIRE', resume, token_ttl)
end
return {'passed', sent(c), now, message, p and 1 or 0}
