-- Takes back units that INCRBY added beyond the limit, only from the window that they were added to; never creates a key.
-- KEYS[1]  the counter
-- ARGV     units, the key's PEXPIRETIME before the INCRBY (negative: it had none), the server's time (ms) just before
--          that, window (ms)
-- Reply    1 when they were taken back, else 0
local expiry = redis.call('PEXPIRETIME', KEYS[1])
local before = tonumber(ARGV[2])
local same = false
if before >= 0 then
  same = expiry == before
elseif expiry >= 0 then
  -- The window began after that time, and none that did can have ended within one window of it.
  local began = tonumber(ARGV[3])
  local window = tonumber(ARGV[4])
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  same = expiry >= began + window and now <= began + window
end
if not same then
  return 0
end
redis.call('DECRBY', KEYS[1], ARGV[1])
return 1
