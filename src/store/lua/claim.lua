-- A worker takes an effect for itself until the claim expires.
--
-- The claim makes the effect the holder of its lane; the lane's flags are returned as they were before. An earlier
-- holder, or an earlier claim of this effect, that expired without a word may have reached the receiver: the flag
-- of its action is set for good here, and this effect is told so (`maybe`). See outbox.lua.
--
-- KEYS: 1 effst, 2 eff, 3 due, 4 lane, 5 inc
-- ARGV: 1 effect id, 2 token (unique to this claim), 3 time to live (ms)
-- Returns: {'gone'}: settled or unknown. {'held'}: another claim runs. {'not-due'}. {'lane-busy'}: another effect of the lane
--          is claimed; this one is looked at again when the lane is free. Else
--          {'claimed', blob, head of the incident now, attempt, maybe (0|1), triggered (0|1), resolved (0|1), now}
-- Errors: 'ERR ... without ...' when the blob or the incident is missing; nothing is written.
must_be('hash', KEYS[1])
must_be('zset', KEYS[3])
must_be('hash', KEYS[4])
local id = ARGV[1]
local effect = read_effect(KEYS[1], id)
if not effect then return {'gone'} end
local at = now()
if effect.token ~= '-' and effect.expires > at then return {'held'} end
if effect.not_before > at then return {'not-due'} end

local lane = read_lane(KEYS[4], effect.lane)
if lane.holder ~= '-' and lane.holder ~= id and lane.expires > at then
  if not string.find(',' .. lane.waiters .. ',', ',' .. id .. ',', 1, true) then
    lane.waiters = lane.waiters == '-' and id or lane.waiters .. ',' .. id
    write_lane(KEYS[4], effect.lane, lane)
  end
  return {'lane-busy'}
end

local blob = redis.call('HGET', KEYS[2], id)
local head = redis.call('HGET', KEYS[5], effect.incident)
if not blob then return redis.error_reply('ERR effect ' .. id .. ' without its content') end
if not head then return redis.error_reply('ERR effect ' .. id .. ' without its incident ' .. effect.incident) end

if lane.holder ~= '-' then free_lane(lane, true) end
if effect.token ~= '-' then
  effect.maybe = '1'
  lane[effect.action] = '1'
end
local triggered, resolved = lane.trigger, lane.resolve

effect.token = ARGV[2]
effect.expires = at + tonumber(ARGV[3])
effect.attempt = effect.attempt + 1
lane.holder, lane.action, lane.expires = id, effect.action, effect.expires
write_effect(KEYS[1], id, effect)
write_lane(KEYS[4], effect.lane, lane)
redis.call('ZADD', KEYS[3], 'XX', text(effect.expires), id)
return {'claimed', blob, head, text(effect.attempt), effect.maybe, triggered, resolved, text(at)}
