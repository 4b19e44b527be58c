-- Deletes old entries of the input log, fenced, and never the entry at the cursor or one after it.
-- By MINID: MAXLEN would eat entries that nobody has read yet. Works while Redis is out of memory.
-- KEYS: 1 lease, 2 in, 3 cursor
-- ARGV: 1 the lease `<owner>|<fence>`, 2 delete what is older than this (ms)
-- Returns: how many were deleted, or nil when fenced off (nothing is written)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return nil end
local cursor = string.match(redis.call('GET', KEYS[3]) or '', '^(%S+)')
if not cursor then return 0 end
local before = tonumber(ARGV[2])
local minimum = cursor
if before < tonumber(string.match(cursor, '^(%d+)')) then minimum = text(math.max(before, 0)) .. '-0' end
return redis.call('XTRIM', KEYS[2], 'MINID', '=', minimum)
