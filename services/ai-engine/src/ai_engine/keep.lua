#!lua flags=no-cluster
-- Appends a turn to a conversation and keeps the tenant's conversations within their bounds: the oldest entries of this one go,
-- then the conversations that rested longest. Sent again, it changes nothing. Where memory is short it is refused as a whole.
-- KEYS: history, its last turn, conversations by the time of their last turn (ms), their sizes (field "": all of them)
-- ARGV: id of the turn, conversation, start of the keys of histories, life (s), most entries, most bytes of a conversation,
--       most bytes of the tenant's, most conversations, entries...
-- Returns {1 if the turn is kept, entries of this conversation that went, other conversations that went}.
local id, name, start, life = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local most_entries, most_bytes, most_of_tenant, most_names =
  tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local OF_NAME, OF_ENTRY, OF_TEXT = 704, 32, 1.125 -- bytes that Redis 8 needs, measured (docs/redis-memory.md)
local AT_ONCE = 1000 -- conversations that one call removes at most

if redis.call('GET', KEYS[2]) == id then
  -- A write, so that whoever waits for replicas after this call waits for the one that kept the turn as well.
  redis.call('EXPIRE', KEYS[2], life)
  return {1, 0, 0}
end
local function weight(entries, first)
  local sum = 0
  for index = first, #entries do sum = sum + math.ceil(#entries[index] * OF_TEXT) + OF_ENTRY end
  return sum
end
local added = weight(ARGV, 9)
if added > most_bytes or added + OF_NAME > most_of_tenant then return {0, 0, 0} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Redis before 7 refuses a script at its first write only: this is one that it refuses.
redis.call('ZADD', KEYS[3], now, name)

local known = tonumber(redis.call('HGET', KEYS[4], name) or 0)
local bytes = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  bytes = known > 0 and known - OF_NAME or weight(redis.call('LRANGE', KEYS[1], 0, -1), 1)
end
for index = 9, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[index]) end
bytes = bytes + added
local entries, gone = redis.call('LLEN', KEYS[1]), 0
while entries > 1 and (entries > most_entries or bytes > most_bytes or bytes + OF_NAME > most_of_tenant) do
  bytes = bytes - weight({redis.call('LPOP', KEYS[1])}, 1)
  entries, gone = entries - 1, gone + 1
end
redis.call('EXPIRE', KEYS[1], life)
redis.call('SET', KEYS[2], id, 'EX', life)
redis.call('HSET', KEYS[4], name, bytes + OF_NAME)
local all = redis.call('HINCRBY', KEYS[4], '', bytes + OF_NAME - known)

local function forget(other)
  local size = tonumber(redis.call('HGET', KEYS[4], other) or 0)
  redis.call('ZREM', KEYS[3], other)
  redis.call('HDEL', KEYS[4], other)
  redis.call('UNLINK', start .. other, start .. other .. ':turn')
  all = redis.call('HINCRBY', KEYS[4], '', -size)
end
for _, other in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - life * 1000, 'LIMIT', 0, AT_ONCE)) do
  if other ~= name then forget(other) end
end
local removed = 0
while removed < AT_ONCE and (all > most_of_tenant or redis.call('ZCARD', KEYS[3]) > most_names) do
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 1)
  local other = oldest[1] ~= name and oldest[1] or oldest[2]
  if not other then break end
  forget(other)
  removed = removed + 1
end
return {1, gone, removed}
