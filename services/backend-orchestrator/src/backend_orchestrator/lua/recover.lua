#!lua flags=no-cluster,allow-oom
-- Mend what the stream no longer holds: a lane whose entry is gone (deleted by hand, or ended by a worker that did not know
-- lanes) is ready again; the numbers of lanes in hand are counted anew; registrations long over are forgotten.
-- Returns how many lanes were mended.
local held, mended = {}, 0
for _, tenant in ipairs(redis.call('HKEYS', HELD)) do held[tenant] = 0 end
local taken = redis.call('HGETALL', TAKEN)
for i = 1, #taken, 2 do
  local tenant = tenant_of(taken[i])
  held[tenant] = held[tenant] or 0
  if #redis.call('XRANGE', INBOUND, taken[i + 1], taken[i + 1]) == 0 then
    redis.call('HDEL', TAKEN, taken[i])
    offer(taken[i])
    mended = mended + 1
  else
    held[tenant] = held[tenant] + 1
  end
end
redis.call('DEL', HELD)
for tenant, number in pairs(held) do
  if number > 0 then redis.call('HSET', HELD, tenant, number) end
  settle(tenant)
end
local now = tonumber(redis.call('TIME')[1])
local workers = redis.call('HGETALL', WORKERS)
for i = 1, #workers, 2 do
  local ends = tonumber(string.match(workers[i + 1], '(%d+)$') or 0)
  if ends < now then redis.call('HDEL', WORKERS, workers[i]) end
end
fill()
return mended
