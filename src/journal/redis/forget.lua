-- Forgets leases that were claimed and that nobody has renewed since.
-- KEYS  1 leases.  ARGV  1 until when the claim holds, as it was told; then presences.
-- Reply the presences that were renewed.
local renewed = {}
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
  elseif score then
    renewed[#renewed + 1] = ARGV[i]
  end
end
return renewed
