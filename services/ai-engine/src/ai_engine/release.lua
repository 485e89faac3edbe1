-- Ends one request: gives its slot back, counts it, and appends its turn to the conversation. Sent again, it changes nothing.
-- KEYS: slots, counts, session history, its last turn (both "" for none)
-- ARGV: slot id, messages in, messages out, tokens, most entries of the history, its life in s, entries...
-- Returns 1 when the turn is kept (by this call or an earlier one), or there is none and the slot was taken; else 0.
local taken = redis.call('ZREM', KEYS[1], ARGV[1])
if taken == 1 then
  redis.call('HINCRBY', KEYS[2], 'requests', 1)
  if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[2], 'messages_in', ARGV[2]) end
  if ARGV[3] ~= '0' then redis.call('HINCRBY', KEYS[2], 'messages_out', ARGV[3]) end
  if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[2], 'tokens', ARGV[4]) end
end
if KEYS[3] == '' or #ARGV <= 6 then return taken end
-- The slot doesn't tell whether the turn is kept: after a fail-over it may be gone before it was given back.
if taken == 1 or redis.call('GET', KEYS[4]) ~= ARGV[1] then
  for index = 7, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[index]) end
  redis.call('LTRIM', KEYS[3], -tonumber(ARGV[5]), -1)
end
redis.call('EXPIRE', KEYS[3], ARGV[6])
redis.call('SET', KEYS[4], ARGV[1], 'EX', ARGV[6])
return 1
