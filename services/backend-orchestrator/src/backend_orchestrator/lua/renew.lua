#!lua flags=no-cluster,allow-oom
-- Say that entries are still in hand, so that nobody takes them for a dead worker's, or that they are not: sets their idle
-- time. Entries that belong to somebody else by now are left alone.
-- ARGV: consumer, idle time (ms), entry id, ...
local renewed = 0
for i = 3, #ARGV do
  local entry = redis.call('XPENDING', INBOUND, GROUP, ARGV[i], ARGV[i], 1, ARGV[1])
  if #entry > 0 then
    redis.call('XCLAIM', INBOUND, GROUP, ARGV[1], 0, ARGV[i], 'IDLE', ARGV[2], 'JUSTID')
    renewed = renewed + 1
  end
end
return renewed
