#!lua flags=no-cluster,allow-oom
-- A worker's round: register its slots, end the rest of lanes that are due, fill free slots.
-- ARGV: consumer, slots, slots of the reserve, seconds the registration holds, now (s), lanes at most
-- Returns how many lanes are due.
redis.call('SET', LANES, '1', 'NX')
local ends = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[4])
redis.call('HSET', WORKERS, ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. whole(ends))
local due = redis.call('ZRANGEBYSCORE', RESTING, '-inf', ARGV[5], 'LIMIT', 0, ARGV[6])
for _, lane in ipairs(due) do
  redis.call('ZREM', RESTING, lane)
  offer(lane)
  settle(tenant_of(lane))
end
-- What workers that did not know lanes put off.
for _, payload in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', ARGV[5], 'LIMIT', 0, ARGV[6])) do
  local fields = cjson.decode(payload)
  local lane = lane_of(fields)
  if lane then
    local state = 'optimus:message:' .. fields.tenant .. ':' .. fields.message_id
    put(lane, payload, tonumber(redis.call('HGET', state, 'queued_at') or ARGV[5]) * 1000000)
  end
  redis.call('ZREM', DELAYED, payload)
end
fill()
return #due
