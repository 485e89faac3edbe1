#!lua flags=no-cluster,allow-oom
-- Say that entries are still in hand, so that nobody takes them for a dead worker's: resets their idle time.
-- Entries that belong to somebody else by now are left alone.
-- KEYS: inbound stream   ARGV: group, consumer, entry id, ...
local renewed = 0
for i = 3, #ARGV do
  local entry = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if #entry > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    renewed = renewed + 1
  end
end
return renewed
