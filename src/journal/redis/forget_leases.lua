-- Forgets leases that have run out by this server's clock, whoever has claimed them.
-- KEYS  1 leases, 2 claims.  ARGV  presences.
-- Reply the presences whose lease runs: they were renewed since they were claimed.
local call = redis.call
local now = call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local renewed = {}
for i = 1, #ARGV do
  local runs_out = call('ZSCORE', KEYS[1], ARGV[i])
  call('ZREM', KEYS[2], ARGV[i])
  if runs_out and tonumber(runs_out) <= ms then
    call('ZREM', KEYS[1], ARGV[i])
  elseif runs_out then
    renewed[#renewed + 1] = ARGV[i]
  end
end
return renewed
