-- Takes marks that are due, the one that is due longest first, and says when the next one is.
local most, lease = tonumber(ARGV[1]), tonumber(ARGV[2])
local marks = {}
local looked_at = 0
-- Those whose time is over are gone from the queue too; of many at once the rest is for the next look.
while #marks < most and looked_at < 1000 do
  local due = redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, most - #marks)
  if #due == 0 then
    break
  end
  for _, id in ipairs(due) do
    looked_at = looked_at + 1
    local mark = redis.call('HMGET', kept .. id, 'sealed', 'at')
    if mark[1] then
      local tries = redis.call('HINCRBY', kept .. id, 'tries', 1)
      redis.call('ZADD', queue, now + lease, id)
      marks[#marks + 1] = {id, mark[1], tries, math.max(0, now - mark[2])}
    else
      redis.call('ZREM', queue, id)
    end
  end
end
local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
return {first and math.max(0, first - now) or -1, marks}
