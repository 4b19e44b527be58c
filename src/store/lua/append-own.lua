-- Appends input of the owner itself (a tick, a poison notice), fenced.
-- KEYS: 1 lease, 2 in, 3 seq
-- ARGV: 1 the lease `<owner>|<fence>`, 2 body
-- Returns: the id, or nil when fenced off (nothing is written)
must_be('stream', KEYS[2])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return nil end
return append(KEYS[2], KEYS[3], ARGV[2])
