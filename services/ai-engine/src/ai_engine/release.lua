#!lua flags=no-cluster,allow-oom
-- Ends one request: gives its slot back and counts it. Sent again, it changes nothing.
-- KEYS: slots, counts    ARGV: slot id, messages in, messages out, tokens
-- Returns 1 when the slot was taken, else 0.
local taken = redis.call('ZREM', KEYS[1], ARGV[1])
if taken == 0 then return 0 end
redis.call('HINCRBY', KEYS[2], 'requests', 1)
if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[2], 'messages_in', ARGV[2]) end
if ARGV[3] ~= '0' then redis.call('HINCRBY', KEYS[2], 'messages_out', ARGV[3]) end
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[2], 'tokens', ARGV[4]) end
return 1
