#!lua flags=no-cluster,allow-oom
-- Start an attempt: count it where a dying worker cannot lose the count.
-- KEYS: state   ARGV: ttl (s), now (s), name of this attempt: one that is sent again counts once, consumer, entry id,
-- traceparent of the attempt's span or ''
-- Returns {status before, attempts with this one, queued_at, reply written by an earlier attempt or '', traceparent of the
-- attempt before or ''}; the status is "lost" where the entry is another worker's by now.
local status = redis.call('HGET', KEYS[1], 'status') or 'unknown'
if status == 'answered' or status == 'dead' then
  return {status, 0, ARGV[2], '', ''}
end
if #redis.call('XPENDING', INBOUND, GROUP, ARGV[5], ARGV[5], 1, ARGV[4]) == 0 then
  return {'lost', 0, ARGV[2], '', ''}
end
local again = redis.call('HGET', KEYS[1], 'attempt') == ARGV[3]
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', again and 0 or 1)
redis.call('HSETNX', KEYS[1], 'queued_at', ARGV[2])
redis.call('HSET', KEYS[1], 'status', 'processing', 'attempt', ARGV[3])
local earlier = redis.call('HGET', KEYS[1], again and 'earlier' or 'traceparent') or ''
if not again then redis.call('HSET', KEYS[1], 'earlier', earlier) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'traceparent', ARGV[6]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {status, attempts, redis.call('HGET', KEYS[1], 'queued_at'), redis.call('HGET', KEYS[1], 'reply') or '', earlier}
