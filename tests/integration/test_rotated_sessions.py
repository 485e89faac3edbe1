"""The key that signs the dashboard's sessions, rotated while dashboards are open: `invoke secrets.rotate`."""

from __future__ import annotations

import json
import subprocess

import httpx
import pytest
from tests.integration.platform import Platform
from websockets.sync.client import ClientConnection, connect

from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

KEY = "SESSION_SIGNING_KEY"
CURRENT = "[4/8] ✓"
"""The line after which services sign with the new key."""
PATIENCE = 30


class Dashboard:
    """The dashboard's way in, through the balancer."""

    def __init__(self, platform: Platform) -> None:
        self._place = f"127.0.0.1:{platform.backend_port}"
        self._token = platform.secret("DASHBOARD_TOKEN")

    def session(self) -> str:
        """Exchange the token for a session."""
        answer = httpx.post(self._address, headers=bearer(self._token), trust_env=False, timeout=PATIENCE)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def status(self, session: str) -> int:
        """Return what is answered about a session."""
        return httpx.get(self._address, headers=bearer(session), trust_env=False, timeout=PATIENCE).status_code

    def opened(self, session: str) -> ClientConnection:
        """Open a dashboard by a session."""
        return connect(f"ws://{self._place}/ws/dashboard", additional_headers=bearer(session), proxy=None)

    @property
    def _address(self) -> str:
        return f"http://{self._place}/v1/dashboard/session"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_sessions_and_open_dashboards_outlive_the_rotation_of_their_key_until_the_old_one_goes(
    platform: Platform,
) -> None:
    dashboard, before = Dashboard(platform), platform.secret(KEY)
    old = dashboard.session()

    def amid(_process: subprocess.Popen[str]) -> None:
        assert [dashboard.status(session) for session in (old, dashboard.session())] == [200, 200]

    with dashboard.opened(old) as socket:
        assert json.loads(socket.recv(timeout=PATIENCE))["type"] == "snapshot"
        platform.meanwhile(CURRENT, amid, "secrets.rotate", KEY, "--yes", "--grace", "1").check()
        # What was opened stays open for the rest of its session.
        assert json.loads(socket.recv(timeout=PATIENCE))["type"] in {"snapshot", "heartbeat"}
    assert platform.secret(KEY) != before
    assert wait_until(lambda: dashboard.status(old) == 401, PATIENCE)
    new = dashboard.session()
    assert dashboard.status(new) == 200
    with dashboard.opened(new) as socket:
        assert json.loads(socket.recv(timeout=PATIENCE))["type"] == "snapshot"
