#!lua flags=no-cluster,allow-oom
-- The message is answered: state, outbox, count, acknowledgement and the sender's next message in one step. A second finish
-- changes nothing.
-- KEYS: state, tenant counts, outbox
-- ARGV: entry id, lane, rank, ttl (s), reply, bytes that the tenant may have kept, outbox length or 0, field, value, ...
-- Returns 1 the first time, 0 afterwards.
local first = 0
if redis.call('HGET', KEYS[1], 'status') ~= 'answered' then
  first = 1
  redis.call('HSET', KEYS[1], 'status', 'answered', 'reply', ARGV[5])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  redis.call('HINCRBY', KEYS[2], 'messages_out', 1)
  keep(tenant_of(ARGV[2]), ARGV[6], 'S', #ARGV[5], KEYS[1])
  if tonumber(ARGV[7]) > 0 then
    local answer = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[7], '*', unpack(ARGV, 8))
    keep(tenant_of(ARGV[2]), ARGV[6], 'O', #ARGV[5], answer)
  end
end
redis.call('XACK', INBOUND, GROUP, ARGV[1])
redis.call('XDEL', INBOUND, ARGV[1])
take_off(ARGV[2], ARGV[3])
go_on(ARGV[2], ARGV[1])
return first
