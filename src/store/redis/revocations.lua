-- Every revocation that is still kept, each with what is left of its time.
local found = redis.call('ZRANGEBYSCORE', feed .. 'kept', '(' .. now, '+inf', 'WITHSCORES')
for i = 2, #found, 2 do
  found[i] = found[i] - now
end
return found
