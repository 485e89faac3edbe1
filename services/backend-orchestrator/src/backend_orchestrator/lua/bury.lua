#!lua flags=no-cluster,allow-oom
-- Give an entry up: to the dead letters with the reason, off the queue. Only the first to do so counts.
-- KEYS: inbound stream, dead stream, state or ''   ARGV: group, entry id, longest dead stream, ttl (s), reason, field, value, ...
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'reason', ARGV[5], 'entry', ARGV[2], unpack(ARGV, 6))
if KEYS[3] ~= '' then
  redis.call('HSET', KEYS[3], 'status', 'dead', 'reason', ARGV[5])
  redis.call('EXPIRE', KEYS[3], ARGV[4])
end
return 1
