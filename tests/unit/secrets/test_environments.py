"""Environments with a file of secrets of their own."""

from __future__ import annotations

import pytest
from tests.unit.secrets.samples import Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets import check_command, commands

DAY = 86_400


def test_what_production_requires_is_missing_there_alone(checkout: Checkout) -> None:
    with pytest.raises(OpsError):
        check_command.check(json=True, environment="production", root=checkout.root)
    check_command.check(json=True, environment="staging", root=checkout.root)
    check_command.check(json=True, root=checkout.root)


def test_a_mistyped_environment_is_refused(checkout: Checkout) -> None:
    with pytest.raises(Refused, match="no environment 'prodution'"):
        check_command.check(json=True, environment="prodution", root=checkout.root)
    for name in ("../x", "A", ""):
        if name:
            with pytest.raises(Refused, match="bad name of an environment"):
                commands.init(ChangeOptions(), checkout.root, name)


def test_a_file_of_its_own_has_only_what_it_uses_and_no_service_reads_it(checkout: Checkout) -> None:
    before = checkout.projected()
    commands.init(ChangeOptions(), checkout.root, "development")
    own = checkout.secrets_file.with_name(".env.secrets.development").read_text("utf-8")

    assert "ALERT_URL" not in own
    assert "POSTGRES_PASSWORD=" in own
    assert checkout.projected() == before
