"""Secrets that services verify: every replica is asked, and says nothing by what it should not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from loadtests.secret_probes import probes, session_token
from tests.fakes.shop import MODEL, WEB_PORT, Shop
from tests.unit.secrets.samples import Checkout

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Refused
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.project.settings import load_project
from optimus_ops.rollout import scale as scaling
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.execute import Rotations, carry_out
from optimus_ops.rotation.grace import SystemRotationClock
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.probes import ProbeRequest, SecretProbe, counter_of, judge
from optimus_ops.rotation.records import RecordStore
from optimus_ops.rotation.registry import library_names, rotator_of
from optimus_ops.rotation.replicas import NoReplicas
from optimus_ops.rotation.requests import RotateRequest
from optimus_ops.rotation.rotators.tenant_key import make_rotator
from optimus_ops.rotation.verified import VerifiedRotator
from optimus_ops.secrets import commands
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.value import Secret

SCHEMA = """\
# Key of a tenant.
# @generate=token(32) @consumers=web,db @required @rotator=tenant-key
API_KEY=

# Greets.
# @generate=token(32) @consumers=web @rotator=greeting
GREETING=

# Made by nobody.
# @generate=token(32) @consumers=web
PLAIN=
"""
PAIR = ValuePair("API_KEY", "rot-000000000000", Secret("old"), Secret("new"))
PROBE = SecretProbe(
    "API_*",
    "web",
    lambda value: ProbeRequest("GET", "/", {"Authorization": value}),
    uses=lambda key: f'uses_total{{key="{key}"}}',
)


@dataclass
class Services:
    """What answers at an address: status -> of which value.

    Args:
        accepted: address -> the values that it accepts.
        odd: address -> status that it answers whatever it is asked.
    """

    accepted: dict[str, set[str]] = field(default_factory=dict)
    odd: dict[str, int] = field(default_factory=dict)
    counts: list[float] = field(default_factory=lambda: [3.0] * 8)

    def send(self, host: str, port: int, request: ProbeRequest) -> tuple[int, bytes]:
        assert port == WEB_PORT
        if request.path == "/metrics":
            return 200, f'# HELP uses_total\nuses_total{{key="API_KEY"}} {self.counts.pop(0)}\n'.encode()
        status = 200 if request.headers["Authorization"] in self.accepted.get(host, set()) else 401
        return self.odd.get(host, status), b""


@dataclass
class World:
    shop: Shop
    services: Services
    context: RotationContext

    @property
    def rotator(self) -> VerifiedRotator:
        made = VerifiedRotator(self.context, "tenant-key", 60.0, send=self.services.send)
        made._probes["API_KEY"] = (PROBE,)
        return made

    def hosts(self) -> list[str]:
        replicas = self.shop.state("web").replicas
        return [address for found in replicas for address in found.addresses.values()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    checkout = Checkout.make(tmp_path / "shop", SCHEMA)
    shop = Shop.open(checkout.root, MODEL)
    commands.init(ChangeOptions(), checkout.root)
    scaling.scale(shop.context(), ScaleRequest({"web": 2}), shop.prober)
    keys = KeyStore.open("", checkout.root)
    context = RotationContext(shop.project, keys.paths, keys.entries, shop.context(), shop.engine.clock)
    services = Services()
    made = World(shop, services, context)
    services.accepted = {host: {"old", "new"} for host in made.hosts()}
    yield made
    shop.process_ends()


def test_a_value_is_valid_where_every_replica_takes_it(world: World) -> None:
    first, _second = world.hosts()
    assert world.rotator.probe(PAIR, PAIR.new) is Validity.VALID
    assert world.rotator.probe(PAIR, Secret("other")) is Validity.INVALID
    world.services.accepted[first].discard("new")
    assert world.rotator.probe(PAIR, PAIR.new) is Validity.UNKNOWN


@pytest.mark.parametrize("status", [0, 404, 429, 500, 503])
def test_what_is_not_foreseen_says_nothing(world: World, status: int) -> None:
    world.services.odd = dict.fromkeys(world.hosts(), status)
    assert world.rotator.probe(PAIR, PAIR.new) is Validity.UNKNOWN


def test_a_replica_that_does_not_run_is_no_agreement(world: World) -> None:
    world.shop.engine.pause(world.shop.ready("web")[0].id)
    assert world.rotator.probe(PAIR, PAIR.new) is Validity.UNKNOWN


def test_uses_of_the_old_value_are_what_a_counter_grows_by(world: World) -> None:
    assert world.rotator.old_uses(PAIR) == ""
    world.services.counts = [3.0, 1.0, 5.0, 1.0]
    assert world.rotator.old_uses(PAIR) == "2 uses within 5 s"
    # One that was started anew counts from nothing.
    world.services.counts = [3.0, 1.0, 0.0, 1.0]
    assert world.rotator.old_uses(PAIR) == ""


def test_a_key_of_several_lines_can_t_be_rotated(world: World) -> None:
    with pytest.raises(Refused, match="API_KEY has several lines"):
        world.rotator.check("API_KEY", Secret("a\nb"))


def stackless(root: Path) -> Rotations:
    keys, clock = KeyStore.open("", root), SystemRotationClock()
    context = RotationContext(load_project(root), keys.paths, keys.entries, None, clock)
    return Rotations(context, keys, RecordStore(keys.state), NoReplicas(), clock)


def test_where_no_stack_runs_the_files_are_rotated_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = Checkout.make(tmp_path / "shop", SCHEMA)
    commands.init(ChangeOptions(), checkout.root)
    before = checkout.projected()
    carry_out(RotateRequest(("API_KEY",), yes=True, grace=0), ChangeOptions(), stackless(checkout.root))

    after = checkout.projected()
    assert {name for name in after if after[name] != before.get(name)} == {"web/API_KEY", "db/API_KEY"}
    assert after.keys() == before.keys()
    assert "no stack runs: only files are changed" in capsys.readouterr().out


def test_a_project_s_own_rotator_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Checkout.make(tmp_path / "shop", SCHEMA)
    (checkout.root / "pyproject.toml").write_text('[tool.optimus-ops]\nsubsystems = ["rotation_sample"]\n', "utf-8")
    package = tmp_path / "rotation_sample"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "rotators.py").write_text(
        "from optimus_ops.rotation.verified import VerifiedRotator\n"
        "def rotators():\n"
        '    return {"greeting": lambda context: VerifiedRotator(context, "greeting", 1.0)}\n',
        "utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    commands.init(ChangeOptions(), checkout.root)
    rotations = stackless(checkout.root)

    assert rotations.rotator("GREETING").name == "greeting"
    with pytest.raises(Refused, match="PLAIN has no rotator"):
        rotations.rotator("PLAIN")
    odd = replace(rotations.keys.entries["PLAIN"], rotator="nothing")
    with pytest.raises(Refused, match="no rotator 'nothing'") as refused:
        rotator_of(odd, rotations.context)
    assert "greeting" in str(refused.value)


def test_the_library_s_rotators_are_those_that_the_template_names() -> None:
    named = {
        "tenant-key",
        "signing-secret",
        "session-key",
        "redis-password",
        "postgres-login",
        "provider-key",
        "assisted",
    }
    assert set(library_names()) == named
    assert callable(make_rotator)


# The platform's probes


def probe_of(key: str) -> SecretProbe:
    return next(probe for probe in probes() if probe.keys == key)


def test_a_session_that_a_probe_opens_is_one_that_the_service_takes() -> None:
    claims: Mapping[str, Any] = jwt.decode(
        session_token("k" * 40, 2_000_000_000),
        "k" * 40,
        algorithms=["HS256"],
        audience="optimus-dashboard",
        issuer="optimus",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    ("status", "validity"),
    [
        (200, Validity.VALID),
        (401, Validity.INVALID),
        (404, Validity.UNKNOWN),
        (503, Validity.UNKNOWN),
        (0, Validity.UNKNOWN),
    ],
)
def test_a_session_of_the_dashboard_is_asked_about_by_its_status(status: int, validity: Validity) -> None:
    probe = probe_of("SESSION_SIGNING_KEY")
    request = probe.request("k" * 40)
    assert (request.method, request.path) == ("GET", "/v1/dashboard/session")
    assert judge(status, probe) is validity


def test_a_signed_call_of_the_webhook_tells_of_nothing() -> None:
    request = probe_of("WHATSAPP_APP_SECRET").request("secret")
    assert json.loads(request.body)["entry"] == []
    assert request.headers["X-Hub-Signature-256"].startswith("sha256=")
    assert "secret" not in repr(request)


def test_a_counter_is_read_with_its_labels() -> None:
    text = '# TYPE a counter\na_total{k="x"} 2.0\na_total{k="y"} 1e1\n'
    assert [counter_of(text, f'a_total{{k="{label}"}}') for label in "xyz"] == [2.0, 10.0, 0.0]
