-- What a counter's value stands for, for a listing that met a text; writes nothing.
-- KEYS[1]  the key
-- Reply    the count; nil where the key is gone or holds something else
local value = redis.call('GET', KEYS[1])
return value and count_of(value)
