-- Hands out the effects that are due, fenced, and pushes their next look ahead: whoever was handed one has that long to
-- claim it, then it is handed out again.
--
-- KEYS: 1 lease, 2 due, 3 effst
-- ARGV: 1 the lease `<owner>|<fence>`, 2 at most this many, 3 visibility (ms)
-- Returns: {now, next look of the earliest row left in `due` (empty text: none), id 1, sink 1, handout 1, ...},
--          or nil when fenced off (nothing is written)
-- Errors: OOM, READONLY, MISCONF: the first write is refused. A row without state (never written by us) is dropped last.
must_be('zset', KEYS[2])
must_be('hash', KEYS[3])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return nil end
local at = now()
local result = {text(at), ''}
local strays = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(at), 'LIMIT', 0, ARGV[2])) do
  local effect = read_effect(KEYS[3], id)
  if not effect then
    strays[#strays + 1] = id
  elseif effect.token ~= '-' and effect.expires > at then
    -- A worker is at it: nothing to hand out before its claim expires.
    redis.call('ZADD', KEYS[2], 'XX', text(effect.expires), id)
  else
    effect.handout = effect.handout + 1
    write_effect(KEYS[3], id, effect)
    redis.call('ZADD', KEYS[2], 'XX', text(at + tonumber(ARGV[3])), id)
    result[#result + 1] = id
    result[#result + 1] = effect.sink
    result[#result + 1] = text(effect.handout)
  end
end
for _, id in ipairs(strays) do redis.call('ZREM', KEYS[2], id) end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if first[2] then result[2] = text(tonumber(first[2])) end
return result
