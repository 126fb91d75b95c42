-- Takes back units that INCRBY added beyond the limit, only from the window that they were added to; never creates a key,
-- and leaves a block as it is.
-- KEYS[1]  the counter
-- ARGV     units, the key's PEXPIRETIME before the INCRBY (negative: it had none), the server's time (ms) just before
--          that, window (ms)
-- Reply    1 when they were taken back, else 0
local used = tonumber(redis.pcall('GET', KEYS[1]))
if not used or used >= BLOCKED then
  return 0
end
local ends = ends_of(KEYS[1])
local before = tonumber(ARGV[2])
local same = false
if before >= 0 then
  same = ends == before
else
  -- The window began after that time, and none that did can have ended within one window of it.
  local last = tonumber(ARGV[3]) + math.max(1, tonumber(ARGV[4]) - 1)
  same = ends >= last and now <= last
end
if not same then
  return 0
end
redis.call('DECRBY', KEYS[1], ARGV[1])
return 1
