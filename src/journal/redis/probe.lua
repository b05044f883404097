-- A write that means nothing: whether this server takes any.
-- KEYS  1 probe.
-- Reply now in ms.
local now = redis.call('TIME')
local ms = string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
redis.call('HSET', KEYS[1], 'at', ms)
return ms
