"""Rotators, a module each: `@rotator=redis-password` is `redis_password`, whose `make_rotator(context)` returns it."""
