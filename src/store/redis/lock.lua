-- How long a subject is locked; 0 when it is not.
return {lock_of(ARGV[1])}
