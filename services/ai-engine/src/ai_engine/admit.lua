#!lua flags=no-cluster,allow-oom
-- Admits one request of a tenant, or says why not: rate (GCRA) and concurrency (leased slots) in one step.
-- KEYS: rate, slots, counts, session history ("" for none)
-- ARGV: requests per minute, burst, concurrent requests, slot id, lease in ms
-- Sent again for a slot that is taken already, it changes nothing and admits.
-- Returns {verdict, retry after in ms, remaining, reset in ms, slots taken, history}; verdict 0 admitted, 1 rate, 2 concurrency.
-- Goes on where memory is short, so that questions are still answered: per tenant it holds a number, a counter and leases, of
-- which there are as many as the tenant may have requests at once.
-- Method of the rate: ITU-T I.371 generic cell rate algorithm, virtual scheduling; times in ms of Redis's own clock.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval = 60000 / tonumber(ARGV[1])
local tolerance = interval * tonumber(ARGV[2])
local concurrent = tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
if arrival < now then arrival = now end
local again = redis.call('ZSCORE', KEYS[2], ARGV[4])
local next_arrival = again and arrival or arrival + interval
local early = next_arrival - tolerance - now
if early > 0 and not again then
  redis.call('HINCRBY', KEYS[3], 'rejected', 1)
  return {1, math.ceil(early), 0, math.ceil(arrival - now), 0, {}}
end
local taken = redis.call('ZCARD', KEYS[2])
if taken >= concurrent and not again then
  redis.call('HINCRBY', KEYS[3], 'rejected', 1)
  return {2, 1000, math.floor(-early / interval), math.ceil(arrival - now), taken, {}}
end
if not again then
  redis.call('SET', KEYS[1], string.format('%.3f', next_arrival), 'PX', math.ceil(next_arrival - now) + 1000)
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), ARGV[4])
  redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[5]) * 2)
  taken = taken + 1
end
local history = {}
if KEYS[4] ~= '' then history = redis.call('LRANGE', KEYS[4], 0, -1) end
return {0, 0, math.floor(-early / interval), math.ceil(next_arrival - now), taken, history}
