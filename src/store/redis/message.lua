-- A message, as long as it is remembered.
return message(ARGV[1])
