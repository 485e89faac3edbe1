#!lua flags=no-cluster,allow-oom
-- The message is answered: state, outbox, count and acknowledgement in one step. A second finish changes nothing.
-- KEYS: state, inbound stream, tenant counts, outbox   ARGV: group, entry id, ttl (s), reply, outbox length or 0, field, value, ...
-- Returns 1 the first time, 0 afterwards.
local first = 0
if redis.call('HGET', KEYS[1], 'status') ~= 'answered' then
  first = 1
  redis.call('HSET', KEYS[1], 'status', 'answered', 'reply', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  redis.call('HINCRBY', KEYS[3], 'messages_out', 1)
  if tonumber(ARGV[5]) > 0 then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', unpack(ARGV, 6))
  end
end
redis.call('XACK', KEYS[2], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[2], ARGV[2])
return first
