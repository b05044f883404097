-- Claims presences whose lease has run out by this server's clock, the longest gone first: for a moment
-- nobody else is given them. The asking server says by asking that it is there. If another one hasn't
-- for too long, that is the answer: what its clients couldn't renew has to be renewed for them first.
-- KEYS  1 leases, 2 servers.
-- ARGV  1 how many at most, 2 the server, 3 after how many ms one is lost, 4 for how many ms a claim holds.
-- Reply {'LOST'} or {'OK', until when the claim holds, in ms, presence ...}.
local now = redis.call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
redis.call('ZADD', KEYS[2], text(ms), ARGV[2])
if redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(ms - tonumber(ARGV[3]))) > 0 then
  return {'LOST'}
end
local claimed = redis.call('ZRANGE', KEYS[1], '-inf', text(ms), 'BYSCORE', 'LIMIT', '0', ARGV[1])
local reply = {'OK', text(ms + tonumber(ARGV[4]))}
for i = 1, #claimed do
  redis.call('ZADD', KEYS[1], reply[2], claimed[i])
  reply[i + 2] = claimed[i]
end
return reply
