#!lua flags=no-cluster,allow-oom
-- Renews leases of slots that are still taken; a slot that was given back stays so.
-- KEYS: slots    ARGV: lease in ms, slot ids...
local time = redis.call('TIME')
local till = time[1] * 1000 + time[2] / 1000 + tonumber(ARGV[1])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', till, ARGV[index]) end
return #ARGV - 1
