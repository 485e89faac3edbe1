import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.measuring import measuring

from backend_orchestrator.__main__ import main


def run(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backend_orchestrator", *arguments]
    path = {"PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(command, env=environ | path | measuring(), capture_output=True, text=True, check=False)


def test_an_unknown_verb_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "change"), [("serve", {"TENANTS_FILE": "/none"}), ("worker", {"QUEUE_REMEMBER": "x"})]
)
def test_a_setting_that_cannot_be_used_is_one_message(
    verb: str, change: dict[str, str], environ: dict[str, str]
) -> None:
    ended = run(verb, environ=environ | change)
    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1


def test_the_health_check_tells_by_its_exit_code(environ: dict[str, str], tmp_path: Path) -> None:
    alive = {"WORKER_ALIVE_FILE": str(tmp_path / "alive")}
    assert run("worker-health", environ=environ | alive).returncode == 1
    (tmp_path / "alive").touch()
    assert run("worker-health", environ=environ | alive).returncode == 0


@pytest.mark.parametrize("module", ["app", "worker_main"])
def test_without_a_collector_nothing_of_the_sdk_is_imported(module: str) -> None:
    script = f"""
import sys
from optimus_kit.sdk_import import without_sdk
with without_sdk():
    import backend_orchestrator.{module}
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
