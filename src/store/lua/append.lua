-- Appends a group of deliveries to the input log of one partition, in order; absorbs retries.
--
-- A delivery with a lane whose latest delivery had the same digest is a retry of it: it is not appended again, and gets
-- the id of the first. Only the latest counts: A, B, A in one lane is three entries.
--
-- KEYS: 1 in, 2 seq, 3 cursor, 4... keys of the retry lanes
-- ARGV: 1 how long a lane is remembered (ms), then for each delivery: index of its lane in KEYS (0: none), digest, body
-- Returns: {seq, committed number, id 1, absorbed 1 (0|1), id 2, absorbed 2, ...}
-- Errors: WRONGTYPE before anything is written. OOM, READONLY, MISCONF: the first write (INCR) is refused.
must_be('stream', KEYS[1])
must_be('string', KEYS[2])
must_be('string', KEYS[3])

local result = {0, 0}
for at = 2, #ARGV, 3 do
  local lane, digest = tonumber(ARGV[at]), ARGV[at + 1]
  local earlier
  if lane > 0 then
    local last = redis.call('GET', KEYS[lane])
    if last then
      local last_digest, last_id = string.match(last, '^(.*) (%S+)$')
      if last_digest == digest then earlier = last_id end
    end
  end
  if earlier then
    result[#result + 1] = earlier
    result[#result + 1] = 1
  else
    local id = append(KEYS[1], KEYS[2], ARGV[at + 2])
    if lane > 0 then redis.call('SET', KEYS[lane], digest .. ' ' .. id, 'PX', ARGV[1]) end
    result[#result + 1] = id
    result[#result + 1] = 0
  end
end

result[1] = tonumber(redis.call('GET', KEYS[2]) or '0')
result[2] = tonumber(string.match(redis.call('GET', KEYS[3]) or '', '^%S+ (%d+)') or '0')
return result
