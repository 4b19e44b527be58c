-- Put before every script by scripts.ts. CLOCK_KEY is nil, except in tests with a manual clock.

-- Redis's time in ms. Numbers up to 2^53 are exact; text() never writes an exponent.
local function now()
  if CLOCK_KEY then return tonumber(redis.call('GET', CLOCK_KEY) or '0') end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function text(number)
  return string.format('%.0f', number)
end

-- The id argument of XADD: given by Redis; with a manual clock `<its ms>-*`.
local function next_id()
  if CLOCK_KEY then return text(now()) .. '-*' end
  return '*'
end

-- Raises when the key holds another type. Called before the first write, since an error after it would keep that write.
local function must_be(kind, key)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    error('WRONGTYPE ' .. key .. ' holds a ' .. found .. ' instead of a ' .. kind)
  end
end

-- Appends one body to the input log with the next running number; returns the id.
local function append(stream, seq, body)
  local number = redis.call('INCR', seq)
  return redis.call('XADD', stream, next_id(), 'q', text(number), 'b', body)
end
