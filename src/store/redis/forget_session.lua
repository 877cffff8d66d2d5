-- Forgets whose an application's session is. An empty grave keeps a gateway that did not hear of it yet from restoring
-- what it held.
redis.call('SET', site .. 's:' .. ARGV[1], '', 'PX', 60 * 1000)
return {}
