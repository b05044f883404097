-- Gives an org up: drops its keys and begins its head anew, in an epoch after any that it had.
-- KEYS  1 meta, 2 records, 3 journal, 4 leases, 5 claims, 6 servers.  ARGV  1 level, 2 release.
-- Reply the epoch. The request buckets are the caller's to drop: those before the bucket of that number.
--
-- The epoch is the time in seconds, so that it is greater even if nothing says which one was the last:
-- epochs are counted up by one, and not once a second.
local call = redis.call
local epoch = math.floor(tonumber(call('TIME')[1]))
local old = call('EXISTS', KEYS[1]) == 1 and redis.pcall('HGET', KEYS[1], 'epoch')
if type(old) == 'string' then epoch = math.max(epoch, (tonumber(old) or 0) + 1) end
local text = string.format('%.0f', epoch)
call('UNLINK', unpack(KEYS))
call('HSET', KEYS[1], 'format', '2', 'epoch', text, 'revision', '0', 'entry', string.rep('\0', 16),
  'time', '0', 'store_time', '0', 'records', '0', 'level', ARGV[1], 'release', ARGV[2], 'bucket', text,
  'bucket_since', '')
return text
