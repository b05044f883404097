-- Renews leases by this server's clock: score = when the lease runs out, in ms.
-- KEYS  1 leases.  ARGV  1 'NX' to start only those that aren't there, or 'ALL'; then per lease: its
--       span in ms, its presence.
-- Reply the presences whose lease wasn't there.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local call = redis.call
local only_new = ARGV[1] == 'NX'
local started = {}
for i = 2, #ARGV, 2 do
  local runs_out, added = string.format('%.0f', ms + tonumber(ARGV[i])), nil
  if only_new then
    added = call('ZADD', KEYS[1], 'NX', runs_out, ARGV[i + 1])
  else
    added = call('ZADD', KEYS[1], runs_out, ARGV[i + 1])
  end
  if added == 1 then started[#started + 1] = ARGV[i + 1] end
end
return started
