"""What no image may hold: the operator's secrets, and passwords of where this host's packages come from."""

from __future__ import annotations

from pathlib import Path

from optimus_ops.images.known_secrets import secret_values
from optimus_ops.project.settings import load_project


def test_secrets_of_the_operator_and_passwords_of_index_and_proxy_are_known(tmp_path: Path) -> None:
    (tmp_path / ".env.secrets").write_text("REDIS_PASSWORD='r3dis-password'\n# nothing\nEMPTY=\n")
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://me:index-pa55word@index.example/simple\n")
    environ = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "HTTPS_PROXY": "http://me:pr0xy-password@proxy.example:3128",
    }
    found = secret_values(load_project(tmp_path, {}), environ)
    assert found["REDIS_PASSWORD"] == "r3dis-password"
    assert {"index-pa55word", "pr0xy-password"} <= set(found.values())
    assert "index-pa55word" not in "".join(found)
