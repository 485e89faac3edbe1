#!lua flags=no-cluster,allow-oom
-- Remove a consumer that has nothing in hand. One that has is left: deleting it would lose its entries.
-- ARGV: consumer
if #redis.call('XPENDING', INBOUND, GROUP, '-', '+', 1, ARGV[1]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', INBOUND, GROUP, ARGV[1])
return 1
