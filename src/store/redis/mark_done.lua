-- A mark is done.
done(ARGV[1], ARGV[2])
return {}
