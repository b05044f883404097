-- Takes on orgs that nobody has looked after since they were seen.
-- KEYS  1 awake.  ARGV  1 for how many ms nobody else is given them; then each org, and when it was to be
--       looked after.
-- Reply {when the taken ones are to be looked after next, the taken ones ...}.
local call = redis.call
local now = call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local look_at = string.format('%.0f', ms + tonumber(ARGV[1]))
local reply = {look_at}
for i = 2, #ARGV, 2 do
  local seen = call('ZSCORE', KEYS[1], ARGV[i])
  if seen and tonumber(seen) == tonumber(ARGV[i + 1]) then
    call('ZADD', KEYS[1], look_at, ARGV[i])
    reply[#reply + 1] = ARGV[i]
  end
end
return reply
