"""`invoke secrets.rotate` of keys of a provider as a user gives it: with configuration, files and standard input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.fakes.provider_api import ADMIN_KEY, PROJECT, ProviderState, provider_api

SCHEMA = """\
# Keys of OpenAI.
# @type=keys @operator @max-age=180d @rotator=provider-key
OPENAI_API_KEYS=

# Admin key.
# @operator @type=key
OPENAI_ADMIN_KEY=

# Keys of Groq.
# @type=keys @operator @rotator=provider-key
GROQ_API_KEYS=

# Something.
# @generate=hex(16) @operator
OTHER=
"""
MODELS = """\
OPENAI_BASE_URL={base}/v1
OPENAI_MODELS=gpt-test
OPENAI_ADMIN_API=openai
OPENAI_ADMIN_BASE_URL={base}/v1
OPENAI_ADMIN_PROJECT={project}
GROQ_BASE_URL={base}/v1
"""


def checkout(root: Path, provider: ProviderState, keys: list[str]) -> None:
    """Make a project that has keys of a provider."""
    (root / "tasks.py").write_text("from optimus_ops.tasks.root import make_namespace\n\nns = make_namespace()\n")
    (root / "pyproject.toml").write_text('[tool.optimus-ops]\nname = "keys"\n')
    (root / "compose.yml").write_text("services: {}\n")
    (root / ".env.example").write_text(SCHEMA)
    (root / ".env.models").write_text(MODELS.format(base=provider.base, project=PROJECT))
    values = f"OPENAI_API_KEYS={keys[0]},{keys[1]}\nOPENAI_ADMIN_KEY={ADMIN_KEY}\nGROQ_API_KEYS={keys[2]}\n"
    (root / ".env.secrets").write_text(f"{values}OTHER={'0a' * 16}\n")
    (root / ".env.secrets").chmod(0o600)


def invoke(root: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a task."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMUS_", "COMPOSE_"))}
    command = [str(Path(sys.executable).with_name("invoke")), *words]
    return subprocess.run(
        command, cwd=root, env=environment, input=given, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_pool_is_minted_anew_and_another_is_pasted_and_confirmed(tmp_path: Path) -> None:
    with provider_api() as provider:
        provider.tells_use = False
        keys = [provider.add(name).value for name in ("one", "two", "of groq")]
        checkout(tmp_path, provider, keys)
        minted = invoke(tmp_path, "secrets.rotate", "OPENAI_API_KEYS", "--yes", "--grace", "0")
        assert minted.returncode == 0, minted.stderr
        pool = invoke(tmp_path, "secrets.get", "OPENAI_API_KEYS").stdout.strip().split(",")
        assert provider.values == [keys[2], *pool]

        pasted = provider.add("pasted").value
        words = ("secrets.rotate", "GROQ_API_KEYS", "--yes", "--grace", "0")
        waiting = invoke(tmp_path, *words, given=f"{pasted}\n")
        assert waiting.returncode == 1
        assert "its old value is still valid: revoke it where it was made" in waiting.stderr
        provider.keys = [key for key in provider.keys if key.value != keys[2]]
        done = invoke(tmp_path, "secrets.rotate", "--resume")
        assert done.returncode == 0, done.stderr
        assert invoke(tmp_path, "secrets.get", "GROQ_API_KEYS").stdout.strip() == pasted
    shown = "".join(text for run in (minted, waiting, done) for text in (run.stdout, run.stderr))
    written = "".join(path.read_text() for path in (tmp_path / ".optimus" / "journal").iterdir())
    for value in (ADMIN_KEY, pasted, *keys, *pool):
        assert value not in shown + written
