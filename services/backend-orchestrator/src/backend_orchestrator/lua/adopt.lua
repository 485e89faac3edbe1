#!lua flags=no-cluster,allow-oom
-- Put an entry that knows no lane (of an earlier version, taken or claimed by now) into its lane.
-- ARGV: entry id, field, value, ...
-- Returns 1, 0 where it is somebody else's by now, -1 where its fields are no message.
local fields = as_table({unpack(ARGV, 2)})
local lane = lane_of(fields)
if not lane then return -1 end
if #redis.call('XPENDING', INBOUND, GROUP, ARGV[1], ARGV[1], 1) == 0 then return 0 end
put(lane, cjson.encode(fields), rank_of(ARGV[1]))
redis.call('XACK', INBOUND, GROUP, ARGV[1])
redis.call('XDEL', INBOUND, ARGV[1])
fill()
return 1
