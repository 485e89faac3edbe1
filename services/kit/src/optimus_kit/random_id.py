"""Ids that have to be different, not secret; the system's source of randomness costs ten times as much."""

import random


def random_id() -> str:
    """Return 32 hexadecimal digits."""
    # Python seeds its generator anew after a fork.
    return f"{random.getrandbits(128):032x}"
