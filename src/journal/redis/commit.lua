-- Commits a batch of one org, all of it or nothing. No domain logic here: ids and order only. Called by
-- commit.rs alone.
--
-- KEYS  1 meta, 2 records, 3 journal. The request buckets are ARGV[8] .. number: same hash tag.
-- ARGV  1 epoch; 2, 3 revision and id of the entry up to which the caller is certain; 4, 5 of the one it
--       decided on; 6 most entries to return; 7 span of a bucket in ms; 8 prefix of buckets; 9 wake-up
--       channel; 10 buckets kept; 11 level of the stored form; 12 release; 13 entries, 14 writes,
--       15 outcomes, 16 requests asked about, 17 how many records there are afterwards. Then
--       each entry: id, time, bytes, request;
--       each write: record key, number of the entry with its image (0: removed), from, to;
--       each outcome: request, revision, bytes, and the rest of them: number of an entry (0: none), from, to;
--       each request asked about.
-- Reply {'OK', store time}, {'BEHIND', store time, known requests with outcomes, missed entries}
--       or {'FAR' | 'DIVERGED' | 'TRIMMED' | 'AHEAD', why} or what `reply::corrupt` puts into words:
--       {'GONE'}, {'FORMAT', its}, {'LEVEL', its}, {'RECORDS', there, counted}, {'CORRUPT', why}.
--
-- A script has no rollback. So everything is read and checked first, the types of all keys that are
-- written included; after the first write only commands follow that can't fail. Each of them is tried
-- once when a server starts, so that a user who may not run one is refused then.
-- Numbers are doubles here: revisions and times stay below 2^53 and are passed on as text.
local call, sub, unpack, tonumber = redis.call, string.sub, unpack, tonumber
local ARGV = ARGV
local META, RECORDS, JOURNAL = KEYS[1], KEYS[2], KEYS[3]
local NONE = string.rep('\0', 16)
local SLICE = 1000 -- arguments per call, well below what unpack can do

local function text(number)
  return string.format('%.0f', number)
end

local clock = call('TIME')
local store_time = text(tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))

-- 1. The head, and whether all is there that belongs to it.
local meta = call('HMGET', META, 'format', 'epoch', 'revision', 'entry', 'records', 'level', 'bucket',
  'bucket_since', 'time', 'store_time')
local confirmed = tonumber(ARGV[2])
if meta[1] and meta[1] ~= '2' then return {'FORMAT', meta[1]} end
if not meta[2] then
  if call('EXISTS', META, RECORDS, JOURNAL) > 0 then
    return {'CORRUPT', 'there are keys of this org, but no head'}
  end
  if confirmed > 0 then return {'GONE'} end
  if ARGV[1] ~= '1' then return {'DIVERGED', 'the org is gone'} end
  meta = {'2', '1', '0', NONE, '0', ARGV[11], '0', '', '0', '0'}
end
for i = 1, 10 do
  if not meta[i] then return {'CORRUPT', 'the head is not complete'} end
end
if tonumber(meta[6]) > tonumber(ARGV[11]) then return {'LEVEL', meta[6]} end
if meta[2] ~= ARGV[1] then return {'DIVERGED', 'epoch ' .. meta[2] .. ', not ' .. ARGV[1]} end
local head, last = tonumber(meta[3]), meta[4]
local records = text(call('HLEN', RECORDS))
local newest = call('XREVRANGE', JOURNAL, '+', '-', 'COUNT', '1')[1]
if newest and newest[1] ~= '0-' .. meta[3] then
  if tonumber(sub(newest[1], 3)) > head then return {'AHEAD', 'the journal goes on past its head'} end
  return {'CORRUPT', 'the journal ends at ' .. newest[1] .. ', before its head, ' .. meta[3]}
end
if records ~= meta[5] then return {'RECORDS', records, meta[5]} end

-- 2. The caller's place in the history.
local function id_at(revision)
  if revision == head then return last end
  if revision == 0 then return NONE end
  local id = '0-' .. text(revision)
  local entry = call('XRANGE', JOURNAL, id, id)[1]
  return entry and entry[2][2]
end
if confirmed > head then
  return {'DIVERGED', 'the head is ' .. meta[3] .. ', before ' .. ARGV[2]}
end
local there = id_at(confirmed)
if there and there ~= ARGV[3] then return {'DIVERGED', 'another entry at ' .. ARGV[2]} end

-- 3. Sent before?
local entries, writes, outcomes, asked =
  tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local first_write = 18 + 4 * entries
local first_outcome = first_write + 4 * writes
local first_asked = first_outcome + 6 * outcomes
local decided_on = tonumber(ARGV[4])
if entries > 0 and head >= decided_on + entries then
  if id_at(decided_on + entries) == ARGV[18 + 4 * (entries - 1)] then return {'OK', store_time} end
end

-- 4. Requests that were done before, and what was decided on something else.
local ids = {}
for i = 1, outcomes do ids[i] = ARGV[first_outcome + 6 * (i - 1)] end
for i = 1, asked do ids[outcomes + i] = ARGV[first_asked + i - 1] end
local known = {}
local bucket, kept = tonumber(meta[7]), tonumber(ARGV[10])
if #ids > 0 then
  for number = bucket, math.max(0, bucket - kept + 1), -1 do
    for from = 1, #ids, SLICE do
      local found = call('HMGET', ARGV[8] .. text(number), unpack(ids, from, math.min(from + SLICE - 1, #ids)))
      for i = 1, #found do
        if found[i] then
          known[#known + 1] = ids[from + i - 1]
          known[#known + 1] = found[i]
        end
      end
    end
  end
end
if #known > 0 or decided_on ~= head or last ~= ARGV[5] then
  if head - confirmed > tonumber(ARGV[6]) then return {'FAR', meta[3]} end
  if not there then return {'TRIMMED', ARGV[2]} end
  local missed = {}
  if head > confirmed then missed = call('XRANGE', JOURNAL, '0-' .. text(confirmed + 1), '+') end
  if #missed ~= head - confirmed then return {'CORRUPT', 'the journal has gaps'} end
  return {'BEHIND', store_time, known, missed}
end

-- 5. Everything that can be wrong is looked at: what comes now can't fail.
local now_text = entries > 0 and ARGV[18 + 4 * (entries - 1) + 1] or meta[9]
local since, dropped = meta[8], {}
if outcomes > 0 then
  if since == '' then
    since = now_text
  elseif tonumber(now_text) - tonumber(since) >= tonumber(ARGV[7]) then
    bucket, since = bucket + 1, now_text
    if bucket >= kept then dropped[1] = ARGV[8] .. text(bucket - kept) end
  end
end
local bucket_key = ARGV[8] .. text(bucket)
if outcomes > 0 then call('HLEN', bucket_key) end -- of the wrong type? then an error, now
if entries == 0 and outcomes == 0 then return {'OK', store_time} end

local function put(command, key, arguments)
  for i = 1, #arguments, SLICE do
    call(command, key, unpack(arguments, i, math.min(i + SLICE - 1, #arguments)))
  end
end

for i = 1, entries do
  local at = 18 + 4 * (i - 1)
  call('XADD', JOURNAL, '0-' .. text(head + i), 'i', ARGV[at], 'p', last, 'ms', ARGV[at + 1], 'e',
    ARGV[at + 2], 'r', ARGV[at + 3])
  last = ARGV[at]
end
local written, removed = {}, {}
for i = 1, writes do
  local at = first_write + 4 * (i - 1)
  local entry = tonumber(ARGV[at + 1])
  if entry == 0 then
    removed[#removed + 1] = ARGV[at]
  else
    written[#written + 1] = ARGV[at]
    written[#written + 1] = text(head + entry) .. ' '
      .. sub(ARGV[18 + 4 * (entry - 1) + 2], ARGV[at + 2], ARGV[at + 3])
  end
end
put('HSET', RECORDS, written)
put('HDEL', RECORDS, removed)
local remembered = {}
for i = 1, outcomes do
  local at = first_outcome + 6 * (i - 1)
  local outcome, entry = ARGV[at + 1] .. ' ' .. ARGV[at + 2], tonumber(ARGV[at + 3])
  if entry > 0 then outcome = outcome .. sub(ARGV[18 + 4 * (entry - 1) + 2], ARGV[at + 4], ARGV[at + 5]) end
  remembered[2 * i - 1], remembered[2 * i] = ARGV[at], outcome
end
put('HSET', bucket_key, remembered)
if dropped[1] then call('UNLINK', dropped[1]) end
-- The two times belong together: what had passed by this server's clock when it was so late in the org.
call('HSET', META, 'format', '2', 'epoch', meta[2], 'revision', text(head + entries), 'entry', last,
  'time', now_text, 'store_time', entries > 0 and store_time or meta[10],
  'records', entries > 0 and ARGV[17] or meta[5],
  'level', ARGV[11], 'release', ARGV[12], 'bucket', text(bucket), 'bucket_since', since)
if entries > 0 then
  redis.pcall('PUBLISH', ARGV[9], text(head + entries)) -- a hint: that it isn't allowed must undo nothing
end
return {'OK', store_time}
