#!lua flags=no-cluster,allow-oom
-- Put delayed messages whose time has come back on the stream.
-- KEYS: delayed set, inbound stream   ARGV: now (s), how many at most
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, payload in ipairs(due) do
  local fields = {}
  for name, value in pairs(cjson.decode(payload)) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('XADD', KEYS[2], '*', unpack(fields))
  redis.call('ZREM', KEYS[1], payload)
end
return #due
