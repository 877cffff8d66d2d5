-- Tells every gateway of a change that need not be kept.
publish(ARGV[1], ARGV[2], 0)
return {}
