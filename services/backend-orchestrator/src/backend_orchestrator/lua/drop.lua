#!lua flags=no-cluster,allow-oom
-- Acknowledge an entry whose message was answered or given up before.
-- ARGV: entry id, lane or '', rank
redis.call('XACK', INBOUND, GROUP, ARGV[1])
redis.call('XDEL', INBOUND, ARGV[1])
if ARGV[2] ~= '' then
  take_off(ARGV[2], ARGV[3])
  go_on(ARGV[2], ARGV[1])
end
