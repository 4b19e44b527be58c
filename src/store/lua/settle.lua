-- Proof of completion: the effect leaves the outbox and its result enters the input log, in one step.
--
-- Accepted as long as no later claim was made, also when this claim has expired meanwhile. `skipped` says that this claim
-- sent nothing, so that it leaves no mark on the lane (see outbox.lua). The lane's row goes with its last effect when
-- nothing of it needs to be remembered: a resolve was attempted, nothing was ever triggered, or the incident is closed.
-- The first write frees memory, so that it works while Redis is out of memory.
--
-- KEYS: 1 effst, 2 eff, 3 due, 4 lane, 5 in, 6 seq
-- ARGV: 1 effect id, 2 token, 3 outcome (sent|skipped|failed), 4 body of the result
-- Returns: 1, or 0 when the claim was lost (nothing is written)
-- Errors: WRONGTYPE before anything is written; READONLY, MISCONF: nothing is written.
must_be('hash', KEYS[1])
must_be('hash', KEYS[2])
must_be('zset', KEYS[3])
must_be('hash', KEYS[4])
must_be('stream', KEYS[5])
must_be('string', KEYS[6])
local id = ARGV[1]
local effect = read_effect(KEYS[1], id)
if not effect or effect.token ~= ARGV[2] then return 0 end
local at = now()

redis.call('HDEL', KEYS[1], id)
redis.call('HDEL', KEYS[2], id)
redis.call('ZREM', KEYS[3], id)

local lane = read_lane(KEYS[4], effect.lane)
if lane.holder == id then
  free_lane(lane, ARGV[3] ~= 'skipped')
elseif ARGV[3] ~= 'skipped' then
  lane[effect.action] = '1'
end
if lane.holder == '-' then wake_waiters(lane, KEYS[3], at) end
lane.pending = math.max(lane.pending - 1, 0)
local forget = lane.closing == '1' or effect.action == 'resolve' or lane.resolve == '1' or lane.trigger == '0'
if lane.pending == 0 and forget then
  drop_lane(KEYS[4], effect.lane, effect.incident)
else
  write_lane(KEYS[4], effect.lane, lane)
end

append(KEYS[5], KEYS[6], ARGV[4])
return 1
