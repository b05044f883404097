-- Commits a batch of transactions of one org; nothing comes between them. No domain logic here:
-- versions, ids and order only. Called by commit.rs alone.
--
-- KEYS  1 meta, 2 records, 3 journal. The request buckets are ARGV[6] .. number: same hash tag.
-- ARGV  1 epoch, 2 since's revision, 3 since's transaction, 4 most entries to return, 5 bucket's
--       span in ms, 6 prefix of buckets, 7 wake-up channel, 8 buckets kept, 9 lookups,
--       10 transactions; then each lookup; then each transaction:
--       id, time, entry, outcome, checks, writes; per check: key, version; per write: key and
--       where in the entry its image is (from, to), both empty for a removal.
-- Reply {'OK', head's revision, transaction and time before the batch, verdicts, found, missed}
--       or {'DIVERGED' | 'CORRUPT' | 'TRIMMED' | 'BEHIND', why}. A verdict is 1 (committed),
--       0 (conflict) or the outcome of an earlier commit.
--
-- A script has no rollback. So everything that can be wrong is looked at before the first write,
-- and the first write of all is the XADD, the only one that depends on more than a key's type.
-- Numbers are doubles here: revisions and times stay below 2^53 and are passed on as text.
local META, RECORDS, JOURNAL = KEYS[1], KEYS[2], KEYS[3]
local NONE = string.rep('\0', 16)
local SLICE = 1000 -- arguments per call, well below what unpack can do

local function text(number)
  return string.format('%.0f', number)
end

local function mget(key, fields)
  local values = {}
  for first = 1, #fields, SLICE do
    local last = math.min(first + SLICE - 1, #fields)
    local part = redis.call('HMGET', key, unpack(fields, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end
  return values
end

-- 1. The head.
local meta = redis.call('HMGET', META, 'format', 'epoch', 'revision', 'txn', 'time', 'bucket', 'bucket_since')
if not meta[2] then
  if redis.call('EXISTS', META, RECORDS, JOURNAL) > 0 then
    return {'CORRUPT', 'there are keys of this org, but no epoch'}
  end
  if ARGV[1] ~= '1' then return {'DIVERGED', 'the org is gone'} end
  meta = {'1', '1', '0', NONE, '0', '0', ''}
end
for i = 1, 7 do
  if not meta[i] then return {'CORRUPT', 'the head is not complete'} end
end
if meta[1] ~= '1' then return {'CORRUPT', 'format ' .. meta[1] .. ' is not known to this release'} end
if meta[2] ~= ARGV[1] then return {'DIVERGED', 'epoch ' .. meta[2] .. ', not ' .. ARGV[1]} end
redis.call('HLEN', RECORDS) -- of the wrong type? then an error, now
redis.call('XLEN', JOURNAL)

-- 2. The caller's place in the history, and what it has missed.
local head, last, time = tonumber(meta[3]), meta[4], tonumber(meta[5])
local since = tonumber(ARGV[2])
local missed = {}
if since > head then
  return {'DIVERGED', 'the head is ' .. meta[3] .. ', before ' .. ARGV[2]}
elseif since == head then
  if last ~= ARGV[3] then return {'DIVERGED', 'another transaction at ' .. ARGV[2]} end
elseif head - since > tonumber(ARGV[4]) then
  return {'BEHIND', meta[3]}
else
  -- The entry at since comes along, for its transaction; revision 0 has none.
  missed = redis.call('XRANGE', JOURNAL, '0-' .. (since == 0 and '1' or ARGV[2]), '+')
  if not missed[1] or missed[1][1] ~= '0-' .. (since == 0 and '1' or ARGV[2]) then
    return {'TRIMMED', ARGV[2]}
  end
  local at_since = NONE
  if since > 0 then
    at_since = missed[1][2][2]
    table.remove(missed, 1)
  end
  if at_since ~= ARGV[3] then return {'DIVERGED', 'another transaction at ' .. ARGV[2]} end
  if #missed ~= head - since then return {'CORRUPT', 'the journal does not end at the head'} end
end

-- 3. What is known of these transactions already.
local lookups, transactions = tonumber(ARGV[9]), tonumber(ARGV[10])
local ids = {}
for i = 1, lookups do ids[i] = ARGV[10 + i] end
local at = 11 + lookups
for i = 1, transactions do
  ids[lookups + i] = ARGV[at]
  at = at + 6 + 2 * tonumber(ARGV[at + 4]) + 3 * tonumber(ARGV[at + 5])
end
local known, found = {}, {}
local bucket, kept = tonumber(meta[6]), tonumber(ARGV[8])
for number = bucket, math.max(0, bucket - kept + 1), -1 do
  local outcomes = mget(ARGV[6] .. text(number), ids)
  for i = 1, #ids do
    if outcomes[i] then known[ids[i]] = outcomes[i] end
  end
end
for i = 1, lookups do found[i] = known[ids[i]] or false end

-- 4. The transactions, in order. A later one sees what an earlier one wrote, unless that one is a
-- repetition: what is stored under its id may have another content than the caller built on.
local repeated = {}
local function holds(first, count)
  for from = 0, count - 1, SLICE do
    local keys = {}
    local upto = math.min(from + SLICE, count) - 1
    for i = from, upto do keys[#keys + 1] = ARGV[first + 2 * i] end
    local records = redis.call('HMGET', RECORDS, unpack(keys))
    for i = from, upto do
      local record = records[i - from + 1]
      local version = record and string.sub(record, 1, 16) or NONE
      local seen = ARGV[first + 2 * i + 1]
      if version ~= seen or repeated[seen] then return false end
    end
  end
  return true
end

local function write(id, entry, first, count)
  local put, gone = {}, {}
  for i = 0, count - 1 do
    local key, from, to = ARGV[first + 3 * i], ARGV[first + 3 * i + 1], ARGV[first + 3 * i + 2]
    if from == '' then
      gone[#gone + 1] = key
    else
      put[#put + 1] = key
      put[#put + 1] = id .. string.sub(entry, tonumber(from), tonumber(to))
    end
  end
  for i = 1, #put, SLICE do
    redis.call('HSET', RECORDS, unpack(put, i, math.min(i + SLICE - 1, #put)))
  end
  for i = 1, #gone, SLICE do
    redis.call('HDEL', RECORDS, unpack(gone, i, math.min(i + SLICE - 1, #gone)))
  end
end

local bucket_since = meta[7]
local function keep(id, outcome)
  if bucket_since == '' then
    bucket_since = text(time)
  elseif time - tonumber(bucket_since) >= tonumber(ARGV[5]) then
    bucket, bucket_since = bucket + 1, text(time)
    if bucket >= kept then redis.call('UNLINK', ARGV[6] .. text(bucket - kept)) end
  end
  known[id] = text(head) .. ' ' .. outcome
  redis.call('HSET', ARGV[6] .. text(bucket), id, known[id])
end

local verdicts, committed = {}, false
at = 11 + lookups
for i = 1, transactions do
  local id, entry = ARGV[at], ARGV[at + 2]
  local checks, writes = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  if known[id] then
    verdicts[i] = known[id]
    repeated[id] = true
  elseif not holds(at + 6, checks) then
    verdicts[i] = 0
  else
    head = head + 1
    time = math.max(time, tonumber(ARGV[at + 1]))
    redis.call('XADD', JOURNAL, '0-' .. text(head), 't', id, 'p', last, 'ms', text(time), 'e', entry)
    write(id, entry, at + 6 + 2 * checks, writes)
    keep(id, ARGV[at + 3])
    last, committed = id, true
    verdicts[i] = 1
  end
  at = at + 6 + 2 * checks + 3 * writes
end

-- 5. The new head.
if committed then
  redis.call('HSET', META, 'format', '1', 'epoch', meta[2], 'revision', text(head), 'txn', last,
    'time', text(time), 'bucket', text(bucket), 'bucket_since', bucket_since)
  redis.pcall('PUBLISH', ARGV[7], text(head)) -- a hint: that it isn't allowed must undo nothing
end
return {'OK', meta[3], meta[4], meta[5], verdicts, found, missed}
