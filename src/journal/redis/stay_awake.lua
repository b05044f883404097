-- Somebody looks after these orgs, and will say so again.
-- KEYS  1 awake.  ARGV  1 after how many ms others are to look after them, if it isn't said again; orgs.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local look_at = string.format('%.0f', ms + tonumber(ARGV[1]))
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], look_at, ARGV[i]) end
return 1
