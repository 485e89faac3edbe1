"""`invoke autoscale` as a service, on a real engine: it scales, may do nothing else, and nothing depends on it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.integration.load import Load
from tests.integration.platform import ROOT, Platform, copied_checkout, remove_everything

from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

SOCKET = Path("/var/run/docker.sock")
UNPRIVILEGED = 1001
PATIENCE_SECONDS = 300.0
OWN = ("autoscaler", "engine-proxy")
CONFIG = """\
services:
  ai-engine: {min: 1, max: 2, slots: 2, target_in_flight: 1, start_up_lead: 8, cool_down: 1}
"""
FORBIDDEN = (
    "POST /v1.45/build",
    "POST /v1.45/session",
    "POST /grpc",
    "POST /swarm/init",
    "POST /images/create?fromImage=x",
    "POST /containers/x/kill",
    "POST /containers/prune",
    "POST /networks/create",
    "POST /volumes/create",
    "DELETE /volumes/x",
    "DELETE /images/x",
    "PUT /containers/x/archive?path=/",
    "GET /containers/x/archive?path=/",
    "GET /secrets",
    "GET /_ping/../swarm",
    "GET //swarm",
    "GET /containers/json/%2e%2e/%2e%2e/swarm",
)
ALLOWED = ("GET /_ping", "GET /v1.45/containers/json", "GET /networks")
ASK = """\
import http.client, json, sys
found = {}
for call in sys.argv[1:]:
    connection = http.client.HTTPConnection("engine-proxy", 2375, timeout=30)
    connection.request(*call.split())
    found[call] = connection.getresponse().status
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def autoscaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Return a running stack with the overlay, started by whoever runs the tests."""
    root = copied_checkout(tmp_path_factory.mktemp("autoscaled"))
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "config" / "autoscale.yaml").write_text(CONFIG)
    made = Platform.fresh(tmp_path_factory.mktemp("platform"), "autoscaled", root)
    user = os.getuid() or UNPRIVILEGED
    settings = {
        "DOCKER_SOCKET_GROUP": str(SOCKET.stat().st_gid),
        "AUTOSCALER_USER": f"{user}:{os.getgid() or UNPRIVILEGED}",
        **{
            name: value
            for name, value in made.environ.items()
            if name.endswith(("_IMAGE", "_PORT")) or name in {"COMPOSE_PROJECT_NAME", "OPTIMUS_ENVIRONMENT"}
        },
    }
    with (root / "compose" / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
    try:
        made.invoke("scale", "--ai-engine", "1").check()
        if not os.getuid():
            give_away(made.folder / "state", user)
        made.invoke("scale", "--autoscale").check()
        yield made
    finally:
        remove_everything(made.project)


def give_away(folder: Path, user: int) -> None:
    """Let a folder belong to a user, as if that one had run `invoke`."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)


def replicas(platform: Platform) -> int:
    return len(platform.replicas("ai-engine"))


def output(platform: Platform, service: str) -> str:
    container = docker.from_env().containers.get(f"{platform.project}-{service}-1")
    text: bytes = container.logs()
    return text.decode()


def test_it_follows_the_load_and_back_again_over_a_restart_and_loses_nothing(autoscaled: Platform) -> None:
    with Load(autoscaled) as load:
        grown = wait_until(lambda: replicas(autoscaled) == 2, PATIENCE_SECONDS)
        load.go_on(20)
    load.assert_nothing_lost()
    assert grown, output(autoscaled, "autoscaler")
    # What it had learned is gone, and with it the time for which it would have waited.
    docker.from_env().containers.get(f"{autoscaled.project}-autoscaler-1").restart()
    assert wait_until(lambda: replicas(autoscaled) == 1, PATIENCE_SECONDS), output(autoscaled, "autoscaler")
    assert "refused" not in output(autoscaled, "engine-proxy")


def test_what_scaling_does_not_need_is_refused_at_the_proxy_and_logged(autoscaled: Platform) -> None:
    container = docker.from_env().containers.get(f"{autoscaled.project}-autoscaler-1")
    code, printed = container.exec_run(["python", "-c", ASK, *FORBIDDEN, *ALLOWED])
    assert code == 0, printed
    assert json.loads(printed) == {**dict.fromkeys(FORBIDDEN, 403), **dict.fromkeys(ALLOWED, 200)}
    assert "refused: POST /swarm/init (403)" in output(autoscaled, "engine-proxy")


def test_the_check_of_hardening_finds_nothing_that_is_not_excepted(autoscaled: Platform) -> None:
    ran = autoscaled.invoke("secrets.check-security", "--only", "containers", "--only", "running", "--json").check()
    assert [found for found in ran.json["findings"] if any(name in json.dumps(found) for name in OWN)] == []


def test_a_change_by_hand_is_shared_through_journal_and_lock(autoscaled: Platform) -> None:
    refused = wait_until(lambda: autoscaled.invoke("autoscale", "--once").code == 2, PATIENCE_SECONDS)
    assert refused, "the service does not follow this stack"
    autoscaled.invoke("scale", "--ai-engine", "2").check()
    history = autoscaled.invoke("history").check().text
    assert "invoke scale --autoscale" in history


def test_killing_it_changes_nothing_at_the_stack(autoscaled: Platform) -> None:
    before = autoscaled.states()
    engine = docker.from_env()
    with Load(autoscaled) as load:
        for name in OWN:
            engine.containers.get(f"{autoscaled.project}-{name}-1").kill()
        load.go_on(20)
    load.assert_nothing_lost()
    own = {f"{autoscaled.project}-{name}-1" for name in OWN}
    after = autoscaled.states()
    assert {name: state for name, state in after.items() if name not in own} == {
        name: state for name, state in before.items() if name not in own
    }
    autoscaled.invoke("scale", "--ai-engine", "1").check()
