-- Takes the lease of a partition when it is free or already this owner's, with the next fence.
--
-- Taking one's own lease again gives a new fence as well: a commit of the same owner that is still on its way (its
-- caller gave up waiting) is fenced off from then on. The DEL comes first so that a lease can be had
-- while Redis is out of memory: its owner may then trim the log. A script that has begun to write is not refused.
--
-- KEYS: 1 lease, 2 fence, 3 alive
-- ARGV: 1 owner, 2 time to live (ms)
-- Returns: the fence, or nil when another owner holds the lease
-- Errors: WRONGTYPE before anything is written; READONLY, MISCONF: nothing is written.
must_be('string', KEYS[1])
must_be('string', KEYS[2])
must_be('string', KEYS[3])
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^(.*)|%d+$') ~= ARGV[1] then return nil end
if not string.match(redis.call('GET', KEYS[2]) or '0', '^%d+$') then
  return redis.error_reply('ERR ' .. KEYS[2] .. ' is not a number')
end
redis.call('DEL', KEYS[1])
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. text(fence), 'PX', ARGV[2])
redis.call('SET', KEYS[3], text(now()))
return fence
