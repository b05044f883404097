-- Starts a new epoch, if the stored one is still the expected one: compare-and-set.
-- KEYS  1 meta.  ARGV  1 the expected epoch ('0': none), 2 the new one, 3 level, 4 release.
-- Reply 1 if it did.
local epoch = redis.call('HGET', KEYS[1], 'epoch') or '0'
if epoch ~= ARGV[1] then return 0 end
if epoch == '0' then
  redis.call('HSET', KEYS[1], 'format', '2', 'epoch', ARGV[2], 'revision', '0', 'entry',
    string.rep('\0', 16), 'time', '0', 'store_time', '0', 'records', '0', 'level', ARGV[3], 'release',
    ARGV[4], 'bucket', '0', 'bucket_since', '')
else
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
end
return 1
