-- Forgets counts, by the ends of their keys.
for i = 1, #ARGV do
  redis.call('DEL', site .. ARGV[i])
end
return {}
