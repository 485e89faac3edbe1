#!lua flags=no-cluster,allow-oom
-- Keep the answer before it is sent, so that a later attempt sends the same and asks nobody again.
-- KEYS: state   ARGV: consumer, entry id, reply
-- Returns 0 where the entry is another worker's by now: then that one sends.
if #redis.call('XPENDING', INBOUND, GROUP, ARGV[2], ARGV[2], 1, ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'reply', ARGV[3])
return 1
