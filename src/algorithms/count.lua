-- The one reader of a fixed window's counter, behind head.lua in every script that has one.
-- Answers the count, or BLOCKED; nil: the value is no counter. Beside it whether INCRBY cannot take the value, so that a
-- charge has to put a count in its place: that of modules that kept JSON, {"count":n,"resetTime":ms}.
local function count_of(value)
  local count = tonumber(value)
  if count and count < BLOCKED then
    -- Text that Lua takes for a number and INCRBY does not would fail when other keys are charged already.
    return count > -BLOCKED and value ~= '-0' and string.format('%.0f', count) == value and count or nil
  end
  if is_block(value) then
    return BLOCKED
  end
  if string.find(value, '^%s*{') then
    local read, held = pcall(cjson.decode, value)
    count = read and type(held) == 'table' and held.count
    if type(count) == 'number' and count >= 0 and count < math.huge then
      return math.min(math.ceil(count), MOST), true
    end
  end
end
