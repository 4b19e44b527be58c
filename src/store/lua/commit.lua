-- Commits what the owner decided about the entries up to a new cursor: all or nothing.
--
-- Everything that can be wrong is checked before the first write, since Redis keeps the writes of a script that fails
-- half-way. The first write (SET cursor) is one that Redis refuses while out of memory, read-only or unable to persist.
-- Blobs are opaque: they are moved from ARGV to their keys and never parsed.
--
-- KEYS: 1 lease, 2 cursor, 3 st, 4 det, 5 inc, 6 live, 7 incs, 8 num, 9 eff, 10 effst, 11 due, 12 lane, 13 att, 14 dlq,
--       15 commits, 16... mem and tl of the incidents concerned
-- ARGV: 1 the lease `<owner>|<fence>`, 2 its fence, 3 the cursor this builds on, 4 new cursor, 5 its number, 6 rows kept in
--       `commits`, then these sections (commit.ts writes them; n is the number of items):
--         st set:   n, (field, blob)...          st delete:  n, field...
--         det set:  n, (field, blob)...          det delete: n, field...
--         inc set:  n, (incident, head)...       live add:   n, incident...     live remove: n, incident...
--         opened:   n, (incident, number, openedAt)...
--         members:  n, (index in KEYS, n, (episode, blob)..., n, episode...)...
--         timeline: n, (index in KEYS, n, line...)...
--         effects:  n, (id, dueAt, action, incident, lane, sink, visibility, blob)...
--                   visibility (ms) > 0: handed out with this commit, as take-due.lua does; 0: take-due.lua will
--         dead letter: n (0|1), (entry, body, error, attempts)
-- Returns: {'committed'} | {'fenced'} | {'conflict', why}; nothing is written unless committed
-- Errors: WRONGTYPE before anything is written. OOM, READONLY, MISCONF: the first write is refused.

local CHUNK = 3000 -- unpack() fails near 8,000 values

-- Where the next section starts, how many items it has, what an item takes.
local at = 7
local function section(width)
  local found = {from = at + 1, count = tonumber(ARGV[at]), width = width}
  at = at + 1 + found.count * width
  return found
end

local function groups(parts)
  local list, count = {}, tonumber(ARGV[at])
  at = at + 1
  for i = 1, count do
    local key = KEYS[tonumber(ARGV[at])]
    at = at + 1
    list[i] = {key = key}
    for p, width in ipairs(parts) do list[i][p] = section(width) end
  end
  return list
end

local function each(found, act)
  for i = 0, found.count - 1 do act(found.from + i * found.width) end
end

local st_set, st_del = section(2), section(1)
local det_set, det_del = section(2), section(1)
local inc_set, live_add, live_remove = section(2), section(1), section(1)
local opened = section(3)
local members = groups({2, 1})
local timeline = groups({1})
local effects = section(8)
local dead = section(4)
if at ~= #ARGV + 1 then return redis.error_reply('ERR commit arguments do not add up') end

-- Checks.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'fenced'} end

local function order(id)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(number)
end
must_be('string', KEYS[2])
local cursor = string.match(redis.call('GET', KEYS[2]) or '0-0', '^(%S+)')
if cursor ~= ARGV[3] then return {'conflict', 'the cursor is ' .. cursor .. ', not ' .. ARGV[3]} end
local old_ms, old_number = order(cursor)
local new_ms, new_number = order(ARGV[4])
if new_ms < old_ms or (new_ms == old_ms and new_number <= old_number) then
  return {'conflict', 'the new cursor ' .. ARGV[4] .. ' is not after ' .. cursor}
end

local kinds = {'hash', 'hash', 'hash', 'set', 'zset', 'hash', 'hash', 'hash', 'zset', 'hash', 'hash', 'stream', 'stream'}
for i, kind in ipairs(kinds) do must_be(kind, KEYS[i + 2]) end
for _, group in ipairs(members) do must_be('hash', group.key) end
for _, group in ipairs(timeline) do must_be('list', group.key) end

-- ZADD takes no NaN, and tonumber() does.
local function is_time(value)
  local number = tonumber(value)
  return number ~= nil and number == number and math.abs(number) < 9007199254740992
end

local why
local new_incidents, heads = {}, {}
each(opened, function(i)
  if redis.call('HEXISTS', KEYS[5], ARGV[i]) == 1 then why = 'incident ' .. ARGV[i] .. ' is opened but exists' end
  if redis.call('HEXISTS', KEYS[8], ARGV[i + 1]) == 1 then why = 'number ' .. ARGV[i + 1] .. ' is taken' end
  if not is_time(ARGV[i + 2]) then why = 'incident ' .. ARGV[i] .. ' has no opening time' end
  new_incidents[ARGV[i]] = true
end)
each(inc_set, function(i)
  heads[ARGV[i]] = true
  if not new_incidents[ARGV[i]] and redis.call('HEXISTS', KEYS[5], ARGV[i]) == 0 then
    why = 'incident ' .. ARGV[i] .. ' is updated but does not exist'
  end
end)
for id in pairs(new_incidents) do
  if not heads[id] then why = 'incident ' .. id .. ' is opened without a head' end
end
local planned = {}
each(effects, function(i)
  local id, incident = ARGV[i], ARGV[i + 3]
  if planned[id] or redis.call('HEXISTS', KEYS[9], id) == 1 or redis.call('HEXISTS', KEYS[10], id) == 1 then
    why = 'effect ' .. id .. ' exists'
  end
  if not is_time(ARGV[i + 1]) then why = 'effect ' .. id .. ' has no due time' end
  if not heads[incident] and redis.call('HEXISTS', KEYS[5], incident) == 0 then
    why = 'effect ' .. id .. ' belongs to the unknown incident ' .. incident
  end
  planned[id] = true
end)
if why then return {'conflict', why} end

-- Writes. Nothing below may fail.

local function write(command, key, found)
  local last = found.from + found.count * found.width - 1
  local step = CHUNK - CHUNK % found.width
  for from = found.from, last, step do
    redis.call(command, key, unpack(ARGV, from, math.min(from + step - 1, last)))
  end
end

local time = now()
redis.call('SET', KEYS[2], ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. text(time))
write('HSET', KEYS[3], st_set)
write('HDEL', KEYS[3], st_del)
write('HSET', KEYS[4], det_set)
write('HDEL', KEYS[4], det_del)
write('HSET', KEYS[5], inc_set)
each(opened, function(i)
  redis.call('ZADD', KEYS[7], text(tonumber(ARGV[i + 2])), ARGV[i])
  redis.call('HSET', KEYS[8], ARGV[i + 1], ARGV[i])
end)
for _, group in ipairs(members) do
  write('HSET', group.key, group[1])
  write('HDEL', group.key, group[2])
end
for _, group in ipairs(timeline) do write('RPUSH', group.key, group[1]) end

each(effects, function(i)
  local id, due, incident, name = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 3], ARGV[i + 4]
  local visibility = tonumber(ARGV[i + 6])
  local handed_out = visibility > 0 and due <= time
  redis.call('HSET', KEYS[9], id, ARGV[i + 7])
  write_effect(KEYS[10], id, {
    handout = handed_out and 1 or 0, attempt = 0, token = '-', expires = 0, maybe = '0',
    not_before = due, action = ARGV[i + 2], incident = incident, lane = name, sink = ARGV[i + 5],
  })
  redis.call('ZADD', KEYS[11], text(handed_out and time + visibility or due), id)
  local lane = read_lane(KEYS[12], name)
  if lane.pending == 0 then
    local list = redis.call('HGET', KEYS[12], '@' .. incident)
    if not list then
      redis.call('HSET', KEYS[12], '@' .. incident, name)
    elseif not string.find(' ' .. list .. ' ', ' ' .. name .. ' ', 1, true) then
      redis.call('HSET', KEYS[12], '@' .. incident, list .. ' ' .. name)
    end
  end
  lane.pending = lane.pending + 1
  write_lane(KEYS[12], name, lane)
end)

-- Lanes of an incident that is no longer live go with their last effect; one that lives again keeps them.
local function close_lanes(incident, closing)
  local list = redis.call('HGET', KEYS[12], '@' .. incident)
  if not list then return end
  for _, name in ipairs(words(list)) do
    local lane = read_lane(KEYS[12], name)
    if closing == '1' and lane.pending == 0 then
      drop_lane(KEYS[12], name, incident)
    elseif lane.closing ~= closing then
      lane.closing = closing
      write_lane(KEYS[12], name, lane)
    end
  end
end
write('SADD', KEYS[6], live_add)
write('SREM', KEYS[6], live_remove)
each(live_add, function(i) close_lanes(ARGV[i], '0') end)
each(live_remove, function(i) close_lanes(ARGV[i], '1') end)

each(dead, function(i)
  redis.call('XADD', KEYS[14], next_id(), 'entry', ARGV[i], 'b', ARGV[i + 1], 'error', ARGV[i + 2], 'attempts', ARGV[i + 3])
end)
-- Counts of entries that are passed now, dead or decided at last.
for _, entry in ipairs(redis.call('HKEYS', KEYS[13])) do
  local ms, number = order(entry)
  if not ms or ms < new_ms or (ms == new_ms and number <= new_number) then redis.call('HDEL', KEYS[13], entry) end
end
redis.call('XADD', KEYS[15], 'MAXLEN', '~', ARGV[6], next_id(), 'fence', ARGV[2], 'from', cursor, 'to', ARGV[4], 'n', ARGV[5])
return {'committed'}
