-- The head of an org, and which transaction is at a revision that the caller knows.
-- KEYS  1 meta, 2 records, 3 journal.  ARGV  1 the revision.
-- Reply {'OK', epoch, revision, transaction, time, transaction at ARGV[1] or false}, the epoch '0'
--       for an org that was never written to, or {'CORRUPT', why}.
local meta = redis.call('HMGET', KEYS[1], 'format', 'epoch', 'revision', 'txn', 'time', 'bucket', 'bucket_since')
if not meta[2] then
  if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then
    return {'CORRUPT', 'there are keys of this org, but no epoch'}
  end
  return {'OK', '0', '0', string.rep('\0', 16), '0', false}
end
for i = 1, 7 do
  if not meta[i] then return {'CORRUPT', 'the head is not complete'} end
end
if meta[1] ~= '1' then return {'CORRUPT', 'format ' .. meta[1] .. ' is not known to this release'} end
local there = false
if ARGV[1] == meta[3] then
  there = meta[4]
elseif ARGV[1] == '0' then
  there = string.rep('\0', 16)
else
  local id = '0-' .. ARGV[1]
  local entry = redis.call('XRANGE', KEYS[3], id, id)[1]
  if entry then there = entry[2][2] end
end
return {'OK', meta[2], meta[3], meta[4], meta[5], there}
