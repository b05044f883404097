-- Shows a server to the others and lists all of them, or only lists them. Called by members.rs alone.
-- KEYS  1 members.
-- ARGV  1 the server, 2 when it started in ms ('': now), 3 what else it says of itself, 4 after how many ms
--       one that wasn't heard of is dropped.
-- Reply {now in ms, server, its line, ...}; a line is the times of its heartbeat and of its start, and the rest.
local call = redis.call
local clock = call('TIME')
local ms = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local now = string.format('%.0f', ms)
local started = ARGV[2] == '' and now or ARGV[2]
call('HSET', KEYS[1], ARGV[1], now .. ' ' .. started .. ' ' .. ARGV[3])
local reply, old = {now}, {}
local all = call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local beat = tonumber(string.match(all[i + 1], '^%d+'))
  if beat and math.abs(ms - beat) < tonumber(ARGV[4]) then
    reply[#reply + 1], reply[#reply + 2] = all[i], all[i + 1]
  else
    old[#old + 1] = all[i]
  end
end
for _, server in ipairs(old) do call('HDEL', KEYS[1], server) end
return reply
