"""Who may use the platform is changed while it runs."""

from __future__ import annotations

import os
import time

from tests.integration.platform import Platform

from optimus_ops.system.wait import wait_until

LIMIT = "x-ratelimit-limit-requests"


def limit_of(platform: Platform) -> str:
    _status, headers, _body = platform.chat("embedded")
    return str({name.lower(): value for name, value in headers.items()}[LIMIT])


def until_limit(platform: Platform, limit: str) -> str:
    """Return the limit once it is the one that is waited for, or what it is after all."""
    for _ in range(100):
        if limit_of(platform) == limit:
            break
        time.sleep(0.1)
    return limit_of(platform)


def test_a_tenants_file_that_another_takes_the_place_of_is_read_without_a_restart(rolling: Platform) -> None:
    file = rolling.root / "config" / "tenants.yaml"
    before, replicas = file.read_text("utf-8"), rolling.replicas("ai-engine")
    fresh = file.with_suffix(".new")
    fresh.write_text(before.replace("requests_per_minute: 600000", "requests_per_minute: 590000", 1), "utf-8")
    os.replace(fresh, file)  # noqa: PTH105 - the very call that editors make
    try:
        assert until_limit(rolling, "590000") == "590000"
        file.write_text("tenants: [", "utf-8")
        complaint = "tenants file can't be used"
        assert wait_until(lambda: complaint in rolling.invoke("status").check().out, 60.0)
        assert limit_of(rolling) == "590000"
    finally:
        file.write_text(before, "utf-8")
    assert until_limit(rolling, "600000") == "600000"
    assert rolling.replicas("ai-engine") == replicas
