-- The head of an org, and which entry is at a revision that the caller knows.
-- KEYS  1 meta, 2 records, 3 journal.  ARGV  1 the revision, 2 level of the stored form.
-- Reply {'OK', epoch, revision, entry, time, entry at ARGV[1] or false, steady time by now, records,
--       release, last revision of the journal}, the epoch '0' for an org that was never written to,
--       or what `reply::corrupt` puts into words: {'FORMAT', its}, {'LEVEL', its}, {'CORRUPT', why}.
local clock = redis.call('TIME')
local store_time = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local NONE = string.rep('\0', 16)
local meta = redis.call('HMGET', KEYS[1], 'format', 'epoch', 'revision', 'entry', 'time', 'store_time',
  'records', 'release', 'level')
if meta[1] and meta[1] ~= '2' then return {'FORMAT', meta[1]} end
if not meta[2] then
  if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then
    return {'CORRUPT', 'there are keys of this org, but no head'}
  end
  return {'OK', '0', '0', NONE, '0', false, text(store_time), '0', '', '0'}
end
for i = 1, 9 do
  if not meta[i] then return {'CORRUPT', 'the head is not complete'} end
end
if tonumber(meta[9]) > tonumber(ARGV[2]) then return {'LEVEL', meta[9]} end
local there = false
if ARGV[1] == meta[3] then
  there = meta[4]
elseif ARGV[1] == '0' then
  there = NONE
else
  local id = '0-' .. ARGV[1]
  local entry = redis.call('XRANGE', KEYS[3], id, id)[1]
  if entry then there = entry[2][2] end
end
local now = store_time
if meta[3] ~= '0' then now = tonumber(meta[5]) + math.max(0, store_time - tonumber(meta[6])) end
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', '1')[1]
local last = newest and string.sub(newest[1], 3) or meta[3]
return {'OK', meta[2], meta[3], meta[4], meta[5], there, text(now), meta[7], meta[8], last}
