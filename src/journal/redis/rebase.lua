-- Says by this server's clock how late it is in an org: what has passed since its head.
-- KEYS  1 meta.  ARGV  1 epoch, 2 revision, 3 id of the entry that are expected, 4 the org's time by now.
-- Reply 1 if it did.
local call = redis.call
local meta = call('HMGET', KEYS[1], 'epoch', 'revision', 'entry', 'time')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then return 0 end
local now = call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local passed = math.max(0, tonumber(ARGV[4]) - tonumber(meta[4]))
call('HSET', KEYS[1], 'store_time', string.format('%.0f', ms - passed))
return 1
