"""The flags of a target, declared once for all tasks that take them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from optimus_ops.redis.target import Flags
from optimus_ops.redis.target_flags import ONE_SERVER, target_flags, task_options


def body(_context: object, *, flags: Mapping[str, Any], force: bool = False) -> tuple[Flags, bool]:
    return Flags(**flags), force


@pytest.mark.parametrize("one_server", [True, False])
def test_a_task_has_a_flag_with_help_for_each_field(one_server: bool) -> None:
    names = set(inspect.signature(target_flags(body, one_server=one_server)).parameters) - {"_context", "force"}
    wanted = {field.name for field in fields(Flags)} - {"sentinels"} | {"sentinel"}
    assert names == (wanted if one_server else wanted - set(ONE_SERVER))
    options = task_options(one_server=one_server)
    assert {name.replace("-", "_") for name in options["help"]} == names


def test_what_is_not_given_has_its_default() -> None:
    assert target_flags(body, one_server=True)(None, force=True) == (Flags(), True)


@pytest.mark.parametrize(("given", "tls"), [(True, "all"), ("servers", "servers"), ("", "")])
def test_tls_may_stand_without_a_value(given: object, tls: str) -> None:
    called = target_flags(body)(None, tls=given, sentinel=["a:1", "b:2"], check_hostname=False)
    assert called == (Flags(tls=tls, sentinels=("a:1", "b:2"), check_hostname=False), False)
