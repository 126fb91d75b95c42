-- One check under one or several rules, decided all or nothing on the server. head.lua, this file, the algorithms in use
-- and composite.lua make one script (cmake/scripts.cmake).
-- KEYS     one for each rule
-- ARGV     cost, waiters (equal checks that ask at once; 0: only look), force (1: charge even where it does not fit),
--          then for each rule: algorithm, capacity, window (ms), refill per window, shadow (1: it never denies)
-- Reply    {admitted, then for each rule: room, ms until it is empty again, ms until a denied check fits (-1 never),
--          mark of the charge, blocked, waiters that this rule alone would have admitted}
-- Every algorithm gives three functions. read: fills r.room (units that fit; may be negative) and what the others need, or
-- sets r.blocked, and then nothing else counts.
-- charge: adds units. wait: ms until `units` fit.
-- A penalty takes no more units than keep the count of them exact.
local read, charge, wait = {}, {}, {}
local function is_block(value)
  return value and string.find(value, '^[1-9]%d*$') and tonumber(value) >= BLOCKED
end
