local cost = tonumber(ARGV[1])
local waiters = tonumber(ARGV[2])
local force = ARGV[3] == '1'
local rules = {}
local admitted = waiters
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 5
  local r = {
    kind = ARGV[at + 1],
    capacity = tonumber(ARGV[at + 2]),
    window = tonumber(ARGV[at + 3]),
    refill = tonumber(ARGV[at + 4]),
    shadow = ARGV[at + 5] == '1',
  }
  local failed = read[r.kind](key, r)
  if failed then
    return failed
  end
  if r.blocked then
    local ends = ends_of(key)
    -- Without an expiry it would never end.
    r.endless = ends < 0
    r.mark = r.endless and expiry_of(r.window) or ends
    r.room = 0
    r.reset = math.max(0, r.mark - now) + 1
  end
  rules[i] = r
  -- Exact: below 2^53 no quotient is rounded up to a whole number.
  r.fits = r.blocked and 0 or math.min(waiters, math.max(0, math.floor(r.room / cost)))
  if not force and not r.shadow then
    admitted = math.min(admitted, r.fits)
  end
end
local reply = {admitted}
for i, key in ipairs(KEYS) do
  local r = rules[i]
  local blocked = r.blocked and 1 or 0
  local units = admitted * cost
  if blocked == 1 then
    units = 0
  elseif r.shadow and not force then
    -- It counts what it would have admitted.
    units = math.min(admitted, r.fits) * cost
  end
  if waiters > 0 then
    if blocked == 0 then
      charge[r.kind](key, r, units)
    elseif r.endless then
      redis.call('PEXPIREAT', key, string.format('%.0f', r.mark))
    end
  end
  local delay = 0
  if blocked == 1 then
    delay = r.reset
  elseif cost > r.capacity then
    delay = -1
  elseif cost > r.room then
    delay = wait[r.kind](r, cost, key)
  end
  local at = 2 + (i - 1) * 6
  reply[at] = r.room
  reply[at + 1] = r.reset
  reply[at + 2] = delay
  reply[at + 3] = r.mark
  reply[at + 4] = blocked
  reply[at + 5] = r.fits
end
return reply
