"""The drill: faults on a Redis with sentinels under a load of writes, and what each of them cost."""
