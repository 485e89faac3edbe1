-- Lanes and turns, for the scripts of the queue (names of keys: keys.py). Every lane that holds messages is in one of three
-- places: ready for its turn, handed out (an entry of the stream is its first message), or resting until a retry is due.
local MOST_HELD = 8000 -- in the order of turns: 8000 * TURNS_OF_ONE is the largest whole number a score holds
local TURNS_OF_ONE = 1099511627776
-- Entries that nobody has read yet, at most: where slots are free they are read at once, and where their worker has just died
-- others' turns must not stand in line behind what was handed out for it.
local MOST_UNREAD = 8

-- What a message needs besides its text, measured with Redis 8: while it waits, and what is kept of it in the end.
local WAITING_BYTES = 1500
local KEPT_ENTRY_BYTES = 900

local function tenant_of(lane) return string.match(lane, '^([^:]+):') end
local function whole(number) return string.format('%.0f', number) end

-- A tenant's place in the order of turns: fewest lanes in hand first, then least recently served.
local function settle(tenant)
  if redis.call('LLEN', READY .. tenant) == 0 then
    redis.call('ZREM', TURNS, tenant)
    return
  end
  local held = math.min(tonumber(redis.call('HGET', HELD, tenant) or 0), MOST_HELD)
  local served = tonumber(redis.call('HGET', SERVED, tenant) or 0)
  redis.call('ZADD', TURNS, whole(held * TURNS_OF_ONE + served), tenant)
end

local function count(tenant, messages, bytes)
  redis.call('HINCRBY', COUNT, ALL, messages)
  redis.call('HINCRBY', BYTES, tenant, bytes)
  if redis.call('HINCRBY', COUNT, tenant, messages) <= 0 then
    redis.call('HDEL', COUNT, tenant)
    redis.call('HDEL', BYTES, tenant)
  end
end

local function note_oldest(lane)
  local first = redis.call('ZRANGE', LANE .. lane, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', OLDEST .. tenant_of(lane), first[2], lane)
  else
    redis.call('ZREM', OLDEST .. tenant_of(lane), lane)
  end
end

-- Note what is kept of a message that has ended: `S` its state, `D` its dead letter, `O` its answer in the outbox. Where a
-- tenant has more than `most` bytes of that, its oldest goes: it takes no other tenant's memory.
local function keep(tenant, most, kind, size, reference)
  local list, outbox = KEPT .. tenant, 'optimus:outbox:' .. tenant
  size = size + KEPT_ENTRY_BYTES
  redis.call('RPUSH', list, kind .. ' ' .. size .. ' ' .. reference)
  local all = redis.call('HINCRBY', KEPT_BYTES, tenant, size)
  while all > tonumber(most) do
    local oldest = redis.call('LPOP', list)
    if not oldest then return end
    local what, bytes, where = string.match(oldest, '^(%u) (%d+) (.*)$')
    local status = what == 'S' and redis.call('HGET', where, 'status')
    if status == 'answered' or status == 'dead' then redis.call('DEL', where) end
    if what == 'D' then redis.call('XDEL', DEAD, where) end
    if what == 'O' then redis.call('XDEL', outbox, where) end
    all = redis.call('HINCRBY', KEPT_BYTES, tenant, -tonumber(bytes))
  end
end

-- The lane waits for its turn, behind the tenant's other lanes; an empty one is gone.
local function offer(lane)
  if redis.call('EXISTS', LANE .. lane) == 1 then redis.call('RPUSH', READY .. tenant_of(lane), lane) end
end

-- Put a message into its lane, at its place by the time of queueing.
local function put(lane, payload, rank)
  local key, tenant = LANE .. lane, tenant_of(lane)
  while redis.call('ZCOUNT', key, whole(rank), whole(rank)) > 0 do rank = rank + 1 end
  local idle = redis.call('EXISTS', key) == 0 and redis.call('HEXISTS', TAKEN, lane) == 0
    and not redis.call('ZSCORE', RESTING, lane)
  if redis.call('ZADD', key, 'NX', whole(rank), payload) == 0 then return end
  count(tenant, 1, #payload + WAITING_BYTES)
  note_oldest(lane)
  if idle then
    offer(lane)
    settle(tenant)
  end
end

-- Take a message that is done off its lane.
local function take_off(lane, rank)
  local payload = redis.call('ZRANGEBYSCORE', LANE .. lane, rank, rank)[1]
  if not payload then return end
  redis.call('ZREM', LANE .. lane, payload)
  count(tenant_of(lane), -1, -#payload - WAITING_BYTES)
  note_oldest(lane)
end

-- The lane is no longer handed out, if it was by this entry.
local function release(lane, entry)
  if redis.call('HGET', TAKEN, lane) ~= entry then return false end
  redis.call('HDEL', TAKEN, lane)
  local tenant = tenant_of(lane)
  if redis.call('HINCRBY', HELD, tenant, -1) <= 0 then redis.call('HDEL', HELD, tenant) end
  return true
end

local function hand_out(lane)
  local first = redis.call('ZRANGE', LANE .. lane, 0, 0, 'WITHSCORES')
  if not first[1] then return false end
  local fields = {'lane', lane, 'rank', whole(tonumber(first[2]))}
  for name, value in pairs(cjson.decode(first[1])) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('HSET', TAKEN, lane, redis.call('XADD', INBOUND, '*', unpack(fields)))
  redis.call('HINCRBY', HELD, tenant_of(lane), 1)
  return true
end

-- Slots of living workers that no entry will fill, how many of them are kept for tenants with little in hand, and how many
-- entries nobody has read yet. What a worker has in hand is what the group says: right whatever became of a worker.
local function room()
  local now = tonumber(redis.call('TIME')[1])
  local slots, reserve = {}, 0
  local workers = redis.call('HGETALL', WORKERS)
  for i = 1, #workers, 2 do
    local all, kept, ends = string.match(workers[i + 1], '^(%d+) (%d+) (%d+)$')
    if ends and tonumber(ends) > now then
      slots[workers[i]] = tonumber(all)
      reserve = reserve + tonumber(kept)
    end
  end
  local consumers = redis.pcall('XINFO', 'CONSUMERS', INBOUND, GROUP)
  if consumers.err then return 0, 0, 0 end -- no group yet: nobody reads
  local free, pending = 0, 0
  for _, consumer in ipairs(consumers) do
    pending = pending + consumer[4]
    free = free + math.max(0, (slots[consumer[2]] or 0) - consumer[4])
    slots[consumer[2]] = nil
  end
  for _, unused in pairs(slots) do free = free + unused end
  local unread = math.max(0, redis.call('XLEN', INBOUND) - pending)
  return free - unread, reserve, unread
end

-- Hand out as many messages as there is room for, a tenant's turn after the other's.
local function fill()
  if redis.call('ZCARD', TURNS) == 0 then return end
  local free, reserve, unread = room()
  while free > 0 and unread < MOST_UNREAD do
    local tenant = redis.call('ZRANGE', TURNS, 0, 0)[1]
    if not tenant then return end
    local held = tonumber(redis.call('HGET', HELD, tenant) or 0)
    -- The first in the order has the least in hand: where it may not have a slot of the reserve, nobody may.
    if free <= reserve and held >= reserve then return end
    local lane = redis.call('LPOP', READY .. tenant)
    if lane and hand_out(lane) then
      redis.call('HSET', SERVED, tenant, redis.call('INCR', TURN))
      free, unread = free - 1, unread + 1
    end
    settle(tenant)
  end
end

-- The lane's next message waits for its turn, and free slots are filled: after an entry has ended.
local function go_on(lane, entry)
  if release(lane, entry) then offer(lane) end
  settle(tenant_of(lane))
  fill()
end

-- The lane of a message as fields of an entry; nil where they are none.
local function lane_of(fields)
  local tenant, channel, sender = fields.tenant or '', fields.channel or '', fields.sender or ''
  if not string.match(tenant, '^[%w_-]+$') or not string.match(channel, '^%l+$') then return nil end
  if not string.match(sender, '^[%w_.-]+$') or not fields.text then return nil end
  return tenant .. ':' .. channel .. '-' .. sender
end

local function as_table(fields)
  local found = {}
  for i = 1, #fields, 2 do found[fields[i]] = fields[i + 1] end
  return found
end

-- Time of queueing (us) that the id of an entry tells.
local function rank_of(entry)
  local ms, number = string.match(entry, '^(%d+)-(%d+)$')
  return tonumber(ms) * 1000 + math.min(tonumber(number), 999)
end
