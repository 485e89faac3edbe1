#!lua flags=no-cluster,allow-oom
-- Take an entry off the stream until its time has come; its lane rests until then, so that nothing overtakes it. Only the
-- first to hand it back does so: an entry that is no longer pending was handed back, answered or given up by another worker.
-- KEYS: state   ARGV: entry id, lane, due (s), change of the attempts counted
if redis.call('XACK', INBOUND, GROUP, ARGV[1]) == 0 then return 0 end
redis.call('XDEL', INBOUND, ARGV[1])
if release(ARGV[2], ARGV[1]) then redis.call('ZADD', RESTING, ARGV[3], ARGV[2]) end
redis.call('HSET', KEYS[1], 'status', 'queued')
redis.call('HINCRBY', KEYS[1], 'attempts', ARGV[4])
settle(tenant_of(ARGV[2]))
fill()
return 1
