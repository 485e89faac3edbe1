"""Files of services while a secret is rotated."""

from __future__ import annotations

import hashlib

from optimus_ops.secrets import projection
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.value import Secret

ENTRIES = {"REDIS_PASSWORD": Entry("REDIS_PASSWORD", consumers=("redis",), redis_acl=("redis",))}


def acl(**values: str) -> str:
    files = projection.desired(ENTRIES, {name: Secret(value) for name, value in values.items()})
    return files["redis/users.acl"].reveal()


def hashed(text: str) -> str:
    return f"#{hashlib.sha256(text.encode()).hexdigest()}"


def test_a_server_that_starts_amid_a_rotation_takes_both_passwords() -> None:
    both = acl(REDIS_PASSWORD="old", REDIS_PASSWORD_SECONDARY="old\nnew")
    assert both == f"user default on {hashed('old')} {hashed('new')} ~* &* +@all\n"
    assert acl(REDIS_PASSWORD="old", REDIS_PASSWORD_SECONDARY="") == f"user default on {hashed('old')} ~* &* +@all\n"


def test_the_same_password_twice_is_one() -> None:
    assert acl(REDIS_PASSWORD="x", REDIS_PASSWORD_SECONDARY="x").count("#") == 1
