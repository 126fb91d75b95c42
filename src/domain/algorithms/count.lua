-- The one reader of a fixed window's counter, behind head.lua in every script that has one.
-- Answers the count, or BLOCKED; nil: the value is no counter. Beside it true where INCRBY cannot take the value, so that a
-- charge has to put a count in its place: that of modules that keep JSON, {"count":n,"resetTime":ms}.
local function count_of(value)
  -- Text that Lua takes for a number and INCRBY does not would fail when other keys are charged already.
  if value == '0' or string.find(value, '^%-?[1-9]%d*$') then
    local count = value + 0
    if count >= BLOCKED then
      return BLOCKED
    end
    return count > -BLOCKED and count or nil
  end
  if string.find(value, '^%s*{') then
    local read, held = pcall(cjson.decode, value)
    local count = read and type(held) == 'table' and held.count
    if type(count) == 'number' and count >= 0 and count < math.huge then
      return math.min(math.ceil(count), MOST), true
    end
  end
end
