#!lua flags=no-cluster
-- Queue a message unless its id is known: dedupe, state, stream and count in one step, so that a webhook call that
-- is repeated or cut off neither loses nor doubles it.
-- KEYS: state, inbound stream, tenant counts   ARGV: ttl (s), longest queue, now (s), field, value, ...
-- Returns {1, "queued"}, {0, status} for a known message, {-1, "full"} when the queue takes no more.
local status = redis.call('HGET', KEYS[1], 'status')
if status then
  -- A write, so that whoever waits for replicas after this call waits for the one that queued the message as well.
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return {0, status}
end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[2]) then return {-1, 'full'} end
redis.call('HSET', KEYS[1], 'status', 'queued', 'attempts', 0, 'queued_at', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('HINCRBY', KEYS[3], 'messages_in', 1)
return {1, 'queued'}
