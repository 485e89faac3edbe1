#!lua flags=no-cluster
-- Queue a message unless its id is known: dedupe, limits, state, lane and count in one step, so that a webhook call that
-- is repeated or cut off neither loses nor doubles it.
-- KEYS: state, tenant counts, rate of the intake or ''
-- ARGV: ttl (s), longest queue, tenant's messages, tenant's bytes, requests per minute, burst, now (s), lane, payload,
--       field, value, ...
-- Returns {1, "queued"}, {0, status} for a known message; refused: {-1, "full"} the queue, {-2, "full"} the tenant's part
-- of it, {-3, ms to wait} the tenant's rate.
local status = redis.call('HGET', KEYS[1], 'status')
if status then
  -- A write, so that whoever waits for replicas after this call waits for the one that queued the message as well.
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return {0, status}
end
local lane, payload = ARGV[8], ARGV[9]
local tenant = tenant_of(lane)
local in_lanes = tonumber(redis.call('HGET', COUNT, ALL) or 0)
local plain = redis.call('XLEN', INBOUND) - redis.call('HLEN', TAKEN)
if in_lanes + plain >= tonumber(ARGV[2]) then return {-1, 'full'} end
if tonumber(redis.call('HGET', COUNT, tenant) or 0) >= tonumber(ARGV[3])
  or tonumber(redis.call('HGET', BYTES, tenant) or 0) + #payload + WAITING_BYTES > tonumber(ARGV[4]) then
  return {-2, 'full'}
end
-- The first write is one that Redis refuses where memory is short, before anything is changed.
if KEYS[3] ~= '' then
  -- Generic cell rate algorithm (ITU-T I.371), virtual scheduling; ms of Redis's own clock.
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local interval = 60000 / tonumber(ARGV[5])
  local arrival = math.max(tonumber(redis.call('GET', KEYS[3]) or 0), now) + interval
  local early = arrival - interval * tonumber(ARGV[6]) - now
  if early > 0 then return {-3, math.ceil(early)} end
  redis.call('SET', KEYS[3], string.format('%.3f', arrival), 'PX', math.ceil(arrival - now) + 1000)
end
redis.call('HSET', KEYS[1], 'status', 'queued', 'attempts', 0, 'queued_at', ARGV[7])
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[2], 'messages_in', 1)
if redis.call('EXISTS', LANES) == 0 then
  -- Only workers that take entries as they come may be there: a message in a lane would wait for ever.
  redis.call('XADD', INBOUND, '*', unpack(ARGV, 10))
  return {1, 'queued'}
end
-- Behind what the sender sent before, also where the clocks of two replicas differ.
local last = redis.call('ZRANGE', LANE .. lane, -1, -1, 'WITHSCORES')[2]
put(lane, payload, math.max(tonumber(ARGV[7]) * 1000000, tonumber(last or 0) + 1))
fill()
return {1, 'queued'}
