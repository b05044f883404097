-- Claims presences whose lease has run out by this server's clock, the longest gone first: for a moment
-- nobody else is given them. A claim lies beside the lease and never changes it: a lease is run out or it
-- was renewed, whoever claims it. The asking server says by asking that it is there. If another one
-- hasn't for too long, that is the answer: what its clients couldn't renew has to be renewed first.
-- KEYS  1 leases, 2 servers, 3 claims.
-- ARGV  1 how many at most, 2 the server, 3 after how many ms one is lost, 4 for how many ms a claim holds,
--       5 for how many ms a lease must have run out.
-- Reply {'LOST', now in ms} or {'OK', now in ms, presence ...}.
local call = redis.call
local now = call('TIME')
local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local away, claim = tonumber(ARGV[3]), tonumber(ARGV[4])
call('ZADD', KEYS[2], text(ms), ARGV[2])
-- What lies too far ahead was written before the clock was set back.
local lost = call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(ms - away))
  + call('ZREMRANGEBYSCORE', KEYS[2], '(' .. text(ms + away), '+inf')
if lost > 0 then return {'LOST', text(ms)} end
call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(ms))
call('ZREMRANGEBYSCORE', KEYS[3], '(' .. text(ms + claim), '+inf')
local reply, limit, from = {'OK', text(ms)}, tonumber(ARGV[1]), 0
while limit > 0 do
  local over = call('ZRANGE', KEYS[1], '-inf', text(ms - tonumber(ARGV[5])), 'BYSCORE', 'LIMIT', text(from), ARGV[1])
  for _, presence in ipairs(over) do
    if #reply < limit + 2 and call('ZADD', KEYS[3], 'NX', text(ms + claim), presence) == 1 then
      reply[#reply + 1] = presence
    end
  end
  if #reply == limit + 2 or #over < limit then break end
  from = from + limit
end
return reply
