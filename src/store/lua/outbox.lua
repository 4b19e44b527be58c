-- Put before the scripts of the outbox and the commit: how rows of `effst` and `lane` are written.
--
-- effst, effect id -> "handout attempt token expires maybe notBefore action incident lane sink", separated by blanks
--   token     of the latest claim, `-` when it was given back
--   expires   of that claim, Redis ms
--   maybe     1 when an earlier claim ended without a word or with an unknown outcome: the receiver may have acted
-- lane, lane -> "pending triggered resolved closing holder action expires waiters"
--   pending   effects of the lane not settled yet
--   triggered, resolved   1 when the receiver may have acted on a trigger / resolve of the lane. NOT set by a claim:
--             a claim makes its effect the holder, and what becomes of the holder decides. Given back or settled as
--             skipped: nothing was done, the flags stay as they were. Settled as sent or failed, given back with
--             an unknown outcome, or expired without a word: the flag of the holder's action is set for good.
--   closing   1 when the incident is no longer live: the row goes with its last effect
--   holder    the effect whose claim runs (`-`: none), its action, and when its claim expires
--   waiters   effects that found the lane busy (comma separated, `-`: none); they are looked at again when it is free
-- lane, `@<incident>` -> names of its lanes, so that they can be dropped when the incident is no longer live
--
-- All names in rows are free of blanks and commas: the caller saw to that.

local function words(row)
  local list = {}
  for word in string.gmatch(row, '%S+') do list[#list + 1] = word end
  return list
end

local function read_effect(key, id)
  local row = redis.call('HGET', key, id)
  if not row then return nil end
  local w = words(row)
  return {
    handout = tonumber(w[1]), attempt = tonumber(w[2]), token = w[3], expires = tonumber(w[4]), maybe = w[5],
    not_before = tonumber(w[6]), action = w[7], incident = w[8], lane = w[9], sink = w[10],
  }
end

local function write_effect(key, id, e)
  redis.call('HSET', key, id, table.concat({
    text(e.handout), text(e.attempt), e.token, text(e.expires), e.maybe,
    text(e.not_before), e.action, e.incident, e.lane, e.sink,
  }, ' '))
end

local function read_lane(key, name)
  local row = redis.call('HGET', key, name)
  if not row then
    return {pending = 0, trigger = '0', resolve = '0', closing = '0', holder = '-', action = '-', expires = 0, waiters = '-'}
  end
  local w = words(row)
  return {
    pending = tonumber(w[1]), trigger = w[2], resolve = w[3], closing = w[4],
    holder = w[5], action = w[6], expires = tonumber(w[7]), waiters = w[8],
  }
end

local function write_lane(key, name, l)
  redis.call('HSET', key, name, table.concat({
    text(l.pending), l.trigger, l.resolve, l.closing, l.holder, l.action, text(l.expires), l.waiters,
  }, ' '))
end

-- Removes the lane and its name in the list of its incident.
local function drop_lane(key, name, incident)
  redis.call('HDEL', key, name)
  local list = redis.call('HGET', key, '@' .. incident)
  if not list then return end
  local left = {}
  for _, other in ipairs(words(list)) do
    if other ~= name then left[#left + 1] = other end
  end
  if #left == 0 then
    redis.call('HDEL', key, '@' .. incident)
  else
    redis.call('HSET', key, '@' .. incident, table.concat(left, ' '))
  end
end

-- The holder is no longer at work. `acted`: the receiver may have acted on it.
local function free_lane(l, acted)
  if acted then l[l.action] = '1' end
  l.holder, l.action, l.expires = '-', '-', 0
end

-- Effects that found the lane busy are due now; those settled meanwhile are no longer in `due` (XX).
local function wake_waiters(l, due, at)
  if l.waiters == '-' then return end
  for id in string.gmatch(l.waiters, '[^,]+') do redis.call('ZADD', due, 'XX', text(at), id) end
  l.waiters = '-'
end
