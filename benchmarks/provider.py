"""An LLM provider of the benchmark's own, in a process of its own, that the stack's containers reach.

`python -m benchmarks.provider PORT` serves until it is ended.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.fakes.provider_api import ADMIN_KEY, PROJECT, Handler, ProviderState
from tests.support.ports import free_ports

from benchmarks.platform_under_test import ROOT, Engine
from optimus_ops.system.wait import wait_until

MODEL = "gpt-test"
START_SECONDS = 20.0
CHECKOUT = ("compose", "config", "loadtests", "services")
FILES = ("tasks.py", "pyproject.toml", ".dockerignore", ".env.models", ".env.example")


class LiveState(ProviderState):
    """A provider whose clock goes on, so that it says how long ago a key was used."""

    @property
    def now(self) -> float:
        """Return the time."""
        return time.time()

    @now.setter
    def now(self, _value: float) -> None:
        return


def serve(port: int) -> None:
    """Serve on every address of this machine: containers have another way to it than tasks."""
    handler = type("BoundHandler", (Handler,), {"state": LiveState()})
    # The default backlog, 5, would refuse connections of 60 clients.
    kind = type("Server", (ThreadingHTTPServer,), {"request_queue_size": 512, "daemon_threads": True})
    server = kind(("0.0.0.0", port), handler)  # noqa: S104 - without secrets, for as long as it is measured
    server.serve_forever()


@contextmanager
def running_provider() -> Iterator[int]:
    """Run a provider, and give its port."""
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.provider", str(port)], cwd=ROOT)
    try:
        if not wait_until(lambda: answers(port), START_SECONDS, poll=0.1):
            raise RuntimeError("the provider does not answer")
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Tell whether it serves."""
    try:
        asked(port, "GET", f"/organization/projects/{PROJECT}/service_accounts")
    except OSError:
        return False
    return True


def new_key(port: int) -> str:
    """Make a key."""
    made = asked(port, "POST", f"/organization/projects/{PROJECT}/service_accounts", {"name": "first"})
    return str(made["api_key"]["value"])


def asked(port: int, method: str, path: str, body: object = None) -> dict[str, dict[str, str]]:
    """Call the provider's admin API."""
    content = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1{path}", content, headers, method=method)
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - the address is ours
        return json.load(response)  # type: ignore[no-any-return]  # an object


def checkout_with(engine: Engine, folder: Path, port: int) -> Path:
    """Copy what a stack is made of, and let the provider at a port be its only one; return the copy."""
    for name in CHECKOUT:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache", "tests"))
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    base = f"http://127.0.0.1:{port}/v1"
    own = {"BASE_URL": base, "MODELS": MODEL, "ADMIN_API": "openai", "ADMIN_BASE_URL": base, "ADMIN_PROJECT": PROJECT}
    lines = ["PROVIDERS=openai", *(f"OPENAI_{name}={value}" for name, value in own.items())]
    (folder / ".env.models").write_text("\n".join([*lines, "EMBEDDINGS_PROVIDER=embedded", ""]), "utf-8")
    # Keys go to loopback addresses only, or by TLS; containers reach this machine by another one.
    gateway = engine.api.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    path = folder / "compose" / "docker-compose.yml"
    place = "      SESSION_MAX_BYTES: "
    text = path.read_text("utf-8")
    path.write_text(text.replace(place, f"      OPENAI_BASE_URL: http://{gateway}:{port}/v1\n{place}", 1), "utf-8")
    return folder


if __name__ == "__main__":
    serve(int(sys.argv[1]))
