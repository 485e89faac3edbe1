#!lua flags=no-cluster,allow-oom
-- Remove a consumer that has nothing in hand. One that has is left: deleting it would lose its entries.
-- KEYS: inbound stream   ARGV: group, consumer
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
