-- An org has nothing to do for now, unless somebody has said meanwhile that it is awake.
-- KEYS  1 awake.  ARGV  1 org, 2 when it was to be looked after, 3 in how many ms to look, or '' for never.
-- Reply 1 if it did.
local call = redis.call
local seen = call('ZSCORE', KEYS[1], ARGV[1])
if not seen or tonumber(seen) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '' then
  call('ZREM', KEYS[1], ARGV[1])
else
  local now = call('TIME')
  local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  call('ZADD', KEYS[1], string.format('%.0f', ms + tonumber(ARGV[3])), ARGV[1])
end
return 1
