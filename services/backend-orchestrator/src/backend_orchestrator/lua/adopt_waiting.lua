#!lua flags=no-cluster,allow-oom
-- Put entries that know no lane and that no worker was given yet into their lanes, in order.
-- ARGV: how many to look at
-- Returns how many were put into lanes.
local last = '0-0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', INBOUND)) do
  local found = as_table(group)
  if found.name == GROUP then last = found['last-delivered-id'] end
end
local ms, number = string.match(last, '^(%d+)-(%d+)$')
local next_id = ms .. '-' .. whole(tonumber(number) + 1)
local adopted = 0
for _, entry in ipairs(redis.call('XRANGE', INBOUND, next_id, '+', 'COUNT', ARGV[1])) do
  local fields = as_table(entry[2])
  local lane = not fields.lane and lane_of(fields)
  if lane then
    put(lane, cjson.encode(fields), rank_of(entry[1]))
    redis.call('XDEL', INBOUND, entry[1])
    adopted = adopted + 1
  end
end
return adopted
