#!lua flags=no-cluster,allow-oom
-- Give an entry up: to the dead letters with the reason, off the queue. Only the first to do so counts.
-- KEYS: dead stream, state or ''
-- ARGV: entry id, lane or '', rank, longest dead stream, ttl (s), bytes that the tenant may have kept, reason, field, value, ...
if redis.call('XACK', INBOUND, GROUP, ARGV[1]) == 0 then return 0 end
redis.call('XDEL', INBOUND, ARGV[1])
local letter = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'reason', ARGV[7], 'entry', ARGV[1], unpack(ARGV, 8))
if KEYS[2] ~= '' then
  -- A state that can't be written must not keep the message alive: it may be the reason for giving up.
  redis.pcall('HSET', KEYS[2], 'status', 'dead', 'reason', ARGV[7])
  redis.pcall('EXPIRE', KEYS[2], ARGV[5])
end
if ARGV[2] ~= '' then
  local tenant, size = tenant_of(ARGV[2]), 0
  for i = 7, #ARGV do size = size + #ARGV[i] end
  keep(tenant, ARGV[6], 'D', size, letter)
  if KEYS[2] ~= '' then keep(tenant, ARGV[6], 'S', #ARGV[7], KEYS[2]) end
  take_off(ARGV[2], ARGV[3])
  go_on(ARGV[2], ARGV[1])
end
return 1
