-- Counts one failed attempt to decide an entry, fenced. commit.lua forgets the counts of entries it passes.
-- KEYS: 1 lease, 2 att
-- ARGV: 1 the lease `<owner>|<fence>`, 2 entry id
-- Returns: the total, or nil when fenced off (nothing is written)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return nil end
return redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
