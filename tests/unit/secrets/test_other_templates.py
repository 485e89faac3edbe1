from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import Refused
from optimus_ops.secrets.check_command import check
from optimus_ops.secrets.commands import init
from optimus_ops.secrets.schema import describes_secrets

ORDINARY = (
    "# @author somebody\nexport lower_case=1\nDUPLICATE=1\nDUPLICATE='2'\nWITH SPACE=3\n# use @generate here\nX=\n"
)


@pytest.mark.parametrize(
    ("text", "described"),
    [
        (ORDINARY, False),
        ("", False),
        ("# @required\nA=\n", False),
        ("# @generate=token(32)\nA=\n", True),
        ("  # @required @consumers=web\nA=\n", True),
        ("#@redis-acl=redis\nA=\n", True),
    ],
)
def test_only_the_library_s_own_decorators_make_a_template_a_schema(text: str, described: bool) -> None:
    assert describes_secrets(text) is described


def test_an_ordinary_template_is_left_alone_and_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(ORDINARY)
    with pytest.raises(Refused, match="describes no secrets"):
        init(ChangeOptions(), tmp_path)
    with pytest.raises(Refused, match="describes no secrets"):
        check(json=False, root=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".env.example"]
