-- The presences whose lease has run out by this server's clock, the longest gone first.
-- KEYS  1 leases.  ARGV  1 how many at most.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
return redis.call('ZRANGE', KEYS[1], '-inf', string.format('%.0f', ms), 'BYSCORE', 'LIMIT', '0', ARGV[1])
