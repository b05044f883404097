-- Completes a journal that goes on past its head: the records and outcomes of one entry, and the head.
-- All of it may have been written before, or a part. Called by load.rs alone.
-- KEYS  1 meta, 2 records.
-- ARGV  1, 2 revision and id of the head that is expected; 3, 4, 5 revision, id and time of the entry;
--       6 prefix of buckets; 7 records written, 8 records removed, 9 outcomes; then each key and image,
--       each key, each request and outcome.
-- Reply 1 if it did.
local call, tonumber = redis.call, tonumber
local meta = call('HMGET', KEYS[1], 'revision', 'entry', 'bucket', 'time', 'store_time')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return 0 end
local bucket = ARGV[6] .. meta[3]
call('HLEN', KEYS[2])
call('HLEN', bucket)
local at = 10
for _ = 1, tonumber(ARGV[7]) do
  call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, tonumber(ARGV[8]) do
  call('HDEL', KEYS[2], ARGV[at])
  at = at + 1
end
for _ = 1, tonumber(ARGV[9]) do
  call('HSETNX', bucket, ARGV[at], ARGV[at + 1])
  at = at + 2
end
-- The entry was written when as much time had passed by this server's clock as in the org, about: what
-- has passed since then is counted on from there.
local clock = call('TIME')
local store_time = math.min(tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000),
  tonumber(meta[5]) + tonumber(ARGV[5]) - tonumber(meta[4]))
call('HSET', KEYS[1], 'revision', ARGV[3], 'entry', ARGV[4], 'time', ARGV[5], 'store_time',
  string.format('%.0f', store_time), 'records', string.format('%.0f', call('HLEN', KEYS[2])))
return 1
