-- Renews leases by this server's clock: score = when the lease runs out, in ms.
-- KEYS  1 leases.  ARGV  per lease: its span in ms, its presence.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
for i = 1, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], string.format('%.0f', ms + tonumber(ARGV[i])), ARGV[i + 1])
end
return redis.status_reply('OK')
