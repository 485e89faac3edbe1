#!lua flags=no-cluster,allow-oom
-- Take an entry off the stream until its time has come. Only the first to hand it back does so: an entry that is
-- no longer pending was handed back, answered or given up by another worker.
-- KEYS: inbound stream, delayed set, state   ARGV: group, entry id, due (s), change of the attempts counted, payload
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[5])
redis.call('HSET', KEYS[3], 'status', 'queued')
redis.call('HINCRBY', KEYS[3], 'attempts', ARGV[4])
return 1
