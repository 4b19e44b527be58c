-- Appends a dead letter to the input log again and marks it, once.
-- KEYS: 1 dlq, 2 redriven, 3 in, 4 seq
-- ARGV: 1 id of the dead letter, 2 body to append
-- Returns: {entry id, 0}; {entry id of the first time, 1} when it was re-driven before; nil when there is no such letter
-- Errors: WRONGTYPE before anything is written. OOM, READONLY, MISCONF: the first write (INCR) is refused.
must_be('hash', KEYS[2])
must_be('stream', KEYS[3])
must_be('string', KEYS[4])
local earlier = redis.call('HGET', KEYS[2], ARGV[1])
if earlier then return {earlier, 1} end
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return nil end
local id = append(KEYS[3], KEYS[4], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], id)
return {id, 0}
