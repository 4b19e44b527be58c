-- Gives a claim back: the effect is looked at again after the delay.
--
-- With an unknown outcome the receiver may have acted: the effect and its lane remember it. Without, this claim
-- leaves no mark. See outbox.lua.
--
-- KEYS: 1 effst, 2 due, 3 lane
-- ARGV: 1 effect id, 2 token, 3 delay (ms), 4 unknown outcome (0|1)
-- Returns: 1, or 0 when the claim was lost (nothing is written)
must_be('hash', KEYS[1])
must_be('zset', KEYS[2])
must_be('hash', KEYS[3])
local id = ARGV[1]
local effect = read_effect(KEYS[1], id)
if not effect or effect.token ~= ARGV[2] then return 0 end
local at = now()
local unknown = ARGV[4] == '1'

effect.token, effect.expires = '-', 0
effect.not_before = at + tonumber(ARGV[3])
if unknown then effect.maybe = '1' end
write_effect(KEYS[1], id, effect)
redis.call('ZADD', KEYS[2], 'XX', text(effect.not_before), id)

local lane = read_lane(KEYS[3], effect.lane)
if lane.holder == id then
  free_lane(lane, unknown)
elseif unknown then
  lane[effect.action] = '1'
end
if lane.holder == '-' then wake_waiters(lane, KEYS[2], at) end
write_lane(KEYS[3], effect.lane, lane)
return 1
