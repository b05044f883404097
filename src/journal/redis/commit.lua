-- Commits a batch of transactions of one org; nothing comes between them. No domain logic here:
-- versions, ids and order only. Called by commit.rs alone.
--
-- KEYS  1 meta, 2 records, 3 journal. The request buckets are ARGV[6] .. number: same hash tag.
-- ARGV  1 epoch, 2 since's revision, 3 since's transaction, 4 most entries to return, 5 bucket's
--       span in ms, 6 prefix of buckets, 7 wake-up channel, 8 buckets kept, 9 lookups, 10 keys,
--       11 transactions; then each lookup; each record key that the batch checks or writes, once;
--       then each transaction: id, time, entry, outcome, checks, writes; per check the key's number
--       and the version; per write the key's number and where in the entry its image is (from, to),
--       both empty for a removal.
-- Reply {'OK', head's revision, transaction and time before the batch, verdicts, found, missed}
--       or {'DIVERGED' | 'CORRUPT' | 'TRIMMED' | 'BEHIND', why}. A verdict is 1 (committed),
--       0 (conflict) or the outcome of an earlier commit.
--
-- A transaction without writes becomes no entry: only its outcome is kept, under the head it found.
--
-- A script has no rollback. So everything is read and decided first, and then written; and the first
-- write of all is an XADD, the only one that depends on more than its key's type.
-- Numbers are doubles here: revisions and times stay below 2^53 and are passed on as text.
local call, sub, unpack, tonumber = redis.call, string.sub, unpack, tonumber
local ARGV = ARGV
local META, RECORDS, JOURNAL = KEYS[1], KEYS[2], KEYS[3]
local NONE = string.rep('\0', 16)
local SLICE = 1000 -- arguments per call, well below what unpack can do

local function text(number)
  return string.format('%.0f', number)
end

-- 1. The head.
local meta = call('HMGET', META, 'format', 'epoch', 'revision', 'txn', 'time', 'bucket', 'bucket_since')
if not meta[2] then
  if call('EXISTS', META, RECORDS, JOURNAL) > 0 then
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
call('HLEN', RECORDS) -- of the wrong type? then an error, now
call('XLEN', JOURNAL)

-- 2. The caller's place in the history, and what it has missed.
local head, last, time = tonumber(meta[3]), meta[4], tonumber(meta[5])
local time_text = meta[5]
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
  missed = call('XRANGE', JOURNAL, '0-' .. (since == 0 and '1' or ARGV[2]), '+')
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

-- 3. What is known of these transactions already, and the versions of the records.
local lookups, keys, transactions = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local first_key, first_transaction = 12 + lookups, 12 + lookups + keys
local ids = {}
for i = 1, lookups do ids[i] = ARGV[11 + i] end
local at = first_transaction
for i = 1, transactions do
  ids[lookups + i] = ARGV[at]
  at = at + 6 + 2 * ARGV[at + 4] + 3 * ARGV[at + 5]
end
local known, found = {}, {}
local bucket, kept = tonumber(meta[6]), tonumber(ARGV[8])
for number = bucket, math.max(0, bucket - kept + 1), -1 do
  for from = 1, #ids, SLICE do
    local upto = math.min(from + SLICE - 1, #ids)
    local outcomes = call('HMGET', ARGV[6] .. text(number), unpack(ids, from, upto))
    for i = from, upto do
      local outcome = outcomes[i - from + 1]
      if outcome then known[ids[i]] = outcome end
    end
  end
end
for i = 1, lookups do found[i] = known[ids[i]] or false end
local versions = {}
for from = 1, keys, SLICE do
  local upto = math.min(from + SLICE - 1, keys)
  local records = call('HMGET', RECORDS, unpack(ARGV, first_key + from - 1, first_key + upto - 1))
  for i = from, upto do
    local record = records[i - from + 1]
    versions[i] = record and sub(record, 1, 16) or NONE
  end
end

-- 4. Deciding, in order: a later transaction sees the versions that an earlier one leaves.
local verdicts, entries, outcomes, dropped = {}, {}, {}, {}
local images = {} -- by key: version and image, or false for a removal
local bucket_since = meta[7]

local function remember(place)
  local id, decided = ARGV[place], tonumber(ARGV[place + 1])
  local now, now_text = time, time_text
  if decided > now then now, now_text = decided, ARGV[place + 1] end
  if bucket_since == '' then
    bucket_since = now_text
  elseif now - bucket_since >= tonumber(ARGV[5]) then
    bucket, bucket_since = bucket + 1, now_text
    if bucket >= kept then dropped[#dropped + 1] = ARGV[6] .. text(bucket - kept) end
  end
  known[id] = text(head) .. ' ' .. ARGV[place + 3]
  local kept_in = ARGV[6] .. text(bucket)
  local outcome = outcomes[kept_in] or {}
  outcome[#outcome + 1], outcome[#outcome + 2] = id, known[id]
  outcomes[kept_in] = outcome
end

local function commit(place, first_write, writes)
  local id, entry = ARGV[place], ARGV[place + 2]
  for p = first_write, first_write + 3 * (writes - 1), 3 do
    local key, from = tonumber(ARGV[p]), ARGV[p + 1]
    if from == '' then
      versions[key], images[key] = NONE, false
    else
      versions[key], images[key] = id, id .. sub(entry, from, ARGV[p + 2])
    end
  end
  head = head + 1
  local decided = tonumber(ARGV[place + 1])
  if decided > time then time, time_text = decided, ARGV[place + 1] end
  entries[#entries + 1] = {'0-' .. text(head), id, last, time_text, entry}
  last = id
end

-- Repeated transactions of this batch: what is stored under their ids may have another content than
-- the caller built on.
local repeated = {}
at = first_transaction
for i = 1, transactions do
  local checks, writes = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local first_write = at + 6 + 2 * checks
  verdicts[i] = known[ARGV[at]] or 1
  if verdicts[i] ~= 1 then
    repeated[ARGV[at]] = true
  else
    for p = at + 6, first_write - 2, 2 do
      if versions[tonumber(ARGV[p])] ~= ARGV[p + 1] or repeated[ARGV[p + 1]] then
        verdicts[i] = 0
        break
      end
    end
  end
  if verdicts[i] == 1 then
    if writes > 0 then commit(at, first_write, writes) end
    remember(at)
  end
  at = first_write + 3 * writes
end

-- 5. Writing.
local function put(command, key, arguments)
  for i = 1, #arguments, SLICE do
    call(command, key, unpack(arguments, i, math.min(i + SLICE - 1, #arguments)))
  end
end

if next(outcomes) then
  for i = 1, #entries do
    local e = entries[i]
    call('XADD', JOURNAL, e[1], 't', e[2], 'p', e[3], 'ms', e[4], 'e', e[5])
  end
  local written, removed = {}, {}
  for i = 1, keys do
    local image = images[i]
    if image then
      written[#written + 1] = ARGV[first_key + i - 1]
      written[#written + 1] = image
    elseif image == false then
      removed[#removed + 1] = ARGV[first_key + i - 1]
    end
  end
  put('HSET', RECORDS, written)
  put('HDEL', RECORDS, removed)
  for key, outcome in pairs(outcomes) do put('HSET', key, outcome) end
  if dropped[1] then call('UNLINK', unpack(dropped)) end
  call('HSET', META, 'format', '1', 'epoch', meta[2], 'revision', text(head), 'txn', last,
    'time', time_text, 'bucket', text(bucket), 'bucket_since', bucket_since)
  if entries[1] then
    redis.pcall('PUBLISH', ARGV[7], text(head)) -- a hint: that it isn't allowed must undo nothing
  end
end
return {'OK', meta[3], meta[4], meta[5], verdicts, found, missed}
