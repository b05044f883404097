-- Orgs that somebody is to look after by now, the longest waiting first. What lies too far ahead was
-- written before the clock was set back, or rests: a deadline far away is looked at too early at most.
-- KEYS  1 awake.  ARGV  1 how many at most.
-- Reply {now in ms, org, when it was to be looked after, ...}.
local now = redis.call('TIME')
local ms = string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
local reply = redis.call('ZRANGE', KEYS[1], '-inf', ms, 'BYSCORE', 'LIMIT', '0', ARGV[1], 'WITHSCORES')
table.insert(reply, 1, ms)
return reply
