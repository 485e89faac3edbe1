-- Ends one request: gives its slot back, counts it, and appends its turn to the conversation, all or nothing.
-- KEYS: slots, counts, session history ("" for none)
-- ARGV: slot id, messages in, messages out, tokens, most entries of the history, its life in s, entries...
-- Returns 1, or 0 when the slot was not there any more (released before: a repeated call changes nothing).
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[2], 'requests', 1)
if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[2], 'messages_in', ARGV[2]) end
if ARGV[3] ~= '0' then redis.call('HINCRBY', KEYS[2], 'messages_out', ARGV[3]) end
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[2], 'tokens', ARGV[4]) end
if KEYS[3] ~= '' and #ARGV > 6 then
  for index = 7, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[index]) end
  redis.call('LTRIM', KEYS[3], -tonumber(ARGV[5]), -1)
  redis.call('EXPIRE', KEYS[3], ARGV[6])
end
return 1
