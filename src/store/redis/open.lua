-- Opens a challenge, and parks its request, unless the browser already has a live one of the same likeness.
local id, browser, subject, likeness, sealed, reference = unpack(ARGV, 1, 6)
local tries, ttl, per_subject, total, per_browser, overhead = unpack(ARGV, 7, 12)
local parking, parked_id, parked_sealed = unpack(ARGV, 13, 15)
local ending = now + ttl

local family = redis.call('GET', site .. 'b:' .. browser) or id
local live = live_of(family)
for _, c in ipairs(live) do
  if c.likeness == likeness and c.subject == subject then
    return {'same', c.id}
  end
end

local adopted = nil
if parking == 'adopt' or parking == 'inherit' then
  adopted = parked(parked_id)
  if not adopted or adopted.family ~= family or (parking == 'adopt' and adopted.subject ~= subject) then
    if parking == 'adopt' then
      return {'full'}
    end
    adopted, parking = nil, 'none'
  end
end

-- What the oldest leave behind when they give way.
local leaving, left = {}, {total = 0, subject = 0}
while #live > 0 and #live >= math.max(1, tonumber(per_browser)) do
  local c = table.remove(live, 1)
  local p = parked_of(c)
  if p and adopted and p.id == parked_id then
    p = nil
  end
  leaving[#leaving + 1] = {c, p}
  local size = c.size + (p and p.size or 0)
  left.total = left.total + size
  left.subject = left.subject + (c.subject == subject and size or 0)
end

-- The bytes in use, once those whose time is over are struck off.
local function used(ledger)
  local sum = tonumber(redis.call('GET', ledger .. ':sum') or 0)
  repeat
    local over = redis.call('ZRANGEBYSCORE', ledger, '-inf', now, 'LIMIT', 0, 1000)
    for _, member in ipairs(over) do
      local size = tonumber(string.match(member, '^%d+'))
      redis.call('ZREM', ledger, member)
      redis.call('DECRBY', ledger .. ':sum', size)
      sum = sum - size
    end
  until #over == 0
  return sum
end

local size = overhead + #sealed
local more = size + (parking == 'new' and #parked_sealed or 0)
if used(site .. 'used:' .. subject) - left.subject + more > tonumber(per_subject)
  or used(site .. 'used') - left.total + more > tonumber(total) then
  return {'full'}
end

for _, pair in ipairs(leaving) do
  local c, p = pair[1], pair[2]
  redis.call('DEL', site .. 'c:' .. c.id)
  redis.call('LREM', site .. 'f:' .. family, 1, c.id)
  strike(c.subject, 'c:' .. c.id, c.size)
  if p then
    forget_parked(p)
  end
end

local key = site .. 'c:' .. id
redis.call('HSET', key, 'family', family, 'subject', subject, 'likeness', likeness, 'sealed', sealed, 'reference',
  reference, 'tries', tries, 'failed', 0, 'ending', ending, 'size', size, 'sends', '[]', 'last_send', 0)
redis.call('PEXPIREAT', key, ending)
enter(subject, 'c:' .. id, size, ending)

if parking ~= 'none' then
  local p = site .. 'p:' .. parked_id
  if adopted then
    redis.call('HDEL', site .. 'c:' .. adopted.owner, 'parked')
    strike(adopted.subject, 'p:' .. parked_id, adopted.size)
    redis.call('HSET', p, 'owner', id, 'subject', subject, 'ending', ending)
    enter(subject, 'p:' .. parked_id, adopted.size, ending)
  else
    redis.call('HSET', p, 'family', family, 'subject', subject, 'owner', id, 'sealed', parked_sealed, 'size',
      #parked_sealed, 'ending', ending)
    enter(subject, 'p:' .. parked_id, #parked_sealed, ending)
  end
  redis.call('PEXPIREAT', p, ending)
  redis.call('HSET', key, 'parked', parked_id)
end

redis.call('SET', site .. 'b:' .. browser, family, 'KEEPTTL')
keep(site .. 'b:' .. browser, ending)
redis.call('RPUSH', site .. 'f:' .. family, id)
keep(site .. 'f:' .. family, ending)
return {'new'}
