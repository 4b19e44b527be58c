-- Gives a lease back.
-- KEYS: 1 lease
-- ARGV: 1 the lease `<owner>|<fence>`
-- Returns: 1, or 0 when the lease is no longer this one (nothing is written)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
