-- One check under one or several rules, decided all or nothing on the server. This file, the algorithms in use and
-- layered.lua make one script (cmake/scripts.cmake).
-- KEYS     one for each rule
-- ARGV     cost, waiters (equal checks that ask at once; 0: only look), force (1: charge even where it does not fit),
--          then for each rule: algorithm, capacity, window (ms), refill per window, shadow (1: it never denies)
-- Reply    {admitted, then for each rule: room, ms until it is empty again, ms until a denied check fits (-1 never),
--          mark of the charge, blocked, waiters that this rule alone would have admitted}
-- Every algorithm gives three functions. read: fills r.room (units that fit; may be negative) and what the others need.
-- charge: adds units. wait: ms until `units` fit.
local read, charge, wait = {}, {}, {}
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- Stands where a key is blocked, with the block as its expiry.
local BLOCKED = '9007199254740992'
-- A penalty takes no more units than keep the count of them exact, and below BLOCKED.
local MOST = 9007199254740991
