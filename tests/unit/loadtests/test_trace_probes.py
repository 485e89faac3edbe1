"""The platform's probes: signed as its services want it, and every hop below another one of them."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from loadtests.trace_probes import probes

from optimus_ops.secrets.value import Secret
from optimus_ops.traces.smoke.probe import TraceProbe

RUN = "0123456789abcdef" * 2
SECRETS = {"TENANT_ACME_API_KEY": Secret("acme-key"), "WHATSAPP_APP_SECRET": Secret("signing-key")}
TENANTS = "tenants:\n  acme:\n    whatsapp_phone_number_id: '7'\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tenants.yaml").write_text(TENANTS)
    return tmp_path


def by_name(root: Path) -> dict[str, TraceProbe]:
    return {probe.name: probe for probe in probes(root, SECRETS).probes}


def test_the_whole_platform_is_crossed(root: Path) -> None:
    found = by_name(root)
    assert set(found) == {"chat", "stream", "recall", "memory", "error", "webhook"}
    services = {hop.service for probe in found.values() for hop in probe.hops}
    assert services == {"ai-engine", "memory-engine", "backend-orchestrator", "orchestrator-worker"}
    assert services == set(probes(root, SECRETS).metrics)


def test_a_hop_is_below_an_earlier_one_of_its_probe(root: Path) -> None:
    for probe in by_name(root).values():
        labels = [hop.label for hop in probe.hops]
        assert len(set(labels)) == len(labels)
        for number, hop in enumerate(probe.hops):
            assert not hop.below or hop.below in labels[:number], hop
        assert [hop.below for hop in probe.hops].count("") == 1


def test_a_message_of_the_webhook_is_signed_and_the_tenants(root: Path) -> None:
    request = by_name(root)["webhook"].request(RUN)
    signature = hmac.new(b"signing-key", request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Hub-Signature-256"] == f"sha256={signature}"
    value = json.loads(request.body)["entry"][0]["changes"][0]["value"]
    assert (value["metadata"]["phone_number_id"], value["messages"][0]["id"]) == ("7", f"wamid.{RUN}")


def test_keys_are_not_shown(root: Path) -> None:
    request = by_name(root)["chat"].request(RUN)
    assert request.headers["Authorization"] == "Bearer acme-key"
    assert "acme-key" not in repr(request)


def test_only_the_refused_request_has_a_hop_that_fails(root: Path) -> None:
    found = by_name(root)
    assert {name for name, probe in found.items() if any(hop.failed for hop in probe.hops)} == {"error"}
    assert found["error"].statuses == frozenset({400})


def test_without_a_tenants_key_there_is_nothing_to_send(root: Path) -> None:
    assert probes(root, {}).probes == ()
    only_key = probes(root, {"TENANT_ACME_API_KEY": Secret("k")})
    assert "webhook" not in {probe.name for probe in only_key.probes}
