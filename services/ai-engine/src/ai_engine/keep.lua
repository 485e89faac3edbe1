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
local BATCH = 100 -- conversations that are looked at together

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

-- Removes conversations; most of what it costs is per call and not per name.
local function forget(others)
  if #others == 0 then return end
  local sum, gone_keys = 0, {}
  for index, size in ipairs(redis.call('HMGET', KEYS[4], unpack(others))) do
    sum = sum + (tonumber(size) or 0)
    gone_keys[#gone_keys + 1] = start .. others[index]
    gone_keys[#gone_keys + 1] = start .. others[index] .. ':turn'
  end
  redis.call('ZREM', KEYS[3], unpack(others))
  redis.call('HDEL', KEYS[4], unpack(others))
  redis.call('UNLINK', unpack(gone_keys))
  all = redis.call('HINCRBY', KEYS[4], '', -sum)
end
forget(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - life * 1000, 'LIMIT', 0, BATCH))

-- One call makes room for what it adds, however small the conversations are that go, and for some more: bounds may have shrunk.
local removed, at_most = 0, math.ceil(most_bytes / OF_NAME) + BATCH
while removed < at_most and (all > most_of_tenant or redis.call('ZCARD', KEYS[3]) > most_names) do
  local excess, too_many = all - most_of_tenant, redis.call('ZCARD', KEYS[3]) - most_names
  local oldest, others = redis.call('ZRANGE', KEYS[3], 0, BATCH), {}
  local sizes = redis.call('HMGET', KEYS[4], unpack(oldest))
  for index, other in ipairs(oldest) do
    if excess <= 0 and too_many <= 0 then break end
    if other ~= name then
      others[#others + 1] = other
      excess, too_many = excess - (tonumber(sizes[index]) or 0), too_many - 1
    end
  end
  if #others == 0 then break end
  forget(others)
  removed = removed + #others
end
return {1, gone, removed}
