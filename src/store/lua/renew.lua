-- Prolongs a lease. PEXPIRE comes first, so that it works while Redis is out of memory.
-- KEYS: 1 lease, 2 alive
-- ARGV: 1 the lease `<owner>|<fence>`, 2 time to live (ms)
-- Returns: 1, or 0 when the lease is no longer this one (nothing is written)
must_be('string', KEYS[2])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], text(now()))
return 1
