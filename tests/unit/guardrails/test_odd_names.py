"""Files with names that git quotes, and diffs as a user's configuration of git writes them: judged like all others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.guardrails.conftest import Checkout

PRINTING = "def show():\n    print(1)\n"
NAMES = {
    "tab": b"src/shop/a\tb.py",
    "newline": b"src/shop/a\nb.py",
    "carriage return": b"src/shop/a\rb.py",
    "backslash": b"src/shop/a\\b.py",
    "quotation mark": b'src/shop/a"b.py',
    "quoted as a whole": b'"src"/shop/"a".py',
    "escape": b"src/shop/a\x1b[2Jb.py",
    "right to left": "src/shop/a\u202eb.py".encode(),
    "no UTF-8": b"src/shop/caf\xe9.py",
    "blanks": b" src/shop / a b .py",
    "arrow": b"src/shop/a => b.py",
}
ODD = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
POLICY_OF_ALL = ("src/**/*.py", "'**/*.py'")


@pytest.fixture
def checkout(checkout: Checkout) -> Checkout:
    """Return a checkout whose rule on prints is about all files."""
    policy = checkout.root / "policy.yaml"
    policy.write_text(policy.read_text("utf-8").replace(*POLICY_OF_ALL), "utf-8")
    checkout.git("switch", "--quiet", "main")
    checkout.commit()
    checkout.git("switch", "--quiet", "--force-create", "change")
    return checkout


@ODD
def test_a_file_of_any_name_is_judged(checkout: Checkout, name: bytes) -> None:
    path = os.fsdecode(name)
    checkout.write(path, PRINTING)
    expected = [("no-prints", path, 2)]
    assert checkout.check().found == expected
    checkout.commit()
    assert checkout.check().found == expected
    assert checkout.check(head="HEAD").found == expected
    assert checkout.check(everything=True).found == expected
    assert checkout.validate(checkout.git("diff", "main...HEAD")).found == expected
    assert checkout.validate(checkout.git("-c", "core.quotePath=false", "diff", "main...HEAD")).found == expected


@ODD
def test_a_file_of_any_name_may_be_edited_renamed_and_deleted(checkout: Checkout, name: bytes) -> None:
    path = os.fsdecode(name)
    checkout.git("switch", "--quiet", "main")
    checkout.write(path, PRINTING)
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "edited")
    checkout.write(path, f"# a comment\n{PRINTING}")
    checkout.commit()
    checkout.git("mv", path, "src/shop/page.py")
    checkout.commit()
    assert checkout.validate(checkout.git("diff", "main...HEAD~")).found == []
    assert checkout.validate(checkout.git("diff", "main...HEAD")).found == []
    assert checkout.check().found == []
    checkout.git("rm", "--quiet", "src/shop/page.py")
    checkout.commit()
    assert checkout.validate(checkout.git("diff", "main...HEAD")).found == []


@ODD
def test_a_name_is_shown_in_one_line_that_moves_no_cursor(checkout: Checkout, name: bytes, tmp_path: Path) -> None:
    checkout.write(os.fsdecode(name), PRINTING)
    outcome = checkout.check(as_json=False, report=str(tmp_path / "report"))
    (told,) = [line for line in outcome.printed.splitlines() if "[no-prints]" in line]
    assert told.isprintable()
    assert ":2:5: error" in told
    assert len(list((tmp_path / "report").iterdir())) >= 4


SETTINGS = {
    "names as they are": ("core.quotePath=false",),
    "no prefix": ("diff.noprefix=true",),
    "prefixes by what is compared": ("diff.mnemonicPrefix=true",),
    "copies are looked for": ("diff.renames=copies",),
    "lines between hunks": ("diff.interHunkContext=9",),
    "no blank in empty lines": ("diff.suppressBlankEmpty=true",),
    "another order of files": ("diff.orderFile=/dev/null",),
    "logs of submodules": ("diff.submodule=log",),
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_diff_is_judged_however_a_user_configured_git(checkout: Checkout, settings: tuple[str, ...]) -> None:
    checkout.write("src/shop/web.py", f"from shop import store\n\n\n{PRINTING}")
    checkout.write("src/shop/文.py", PRINTING)
    checkout.git("mv", "src/shop_tools.py", "src/tools.py")
    checkout.commit()
    words = [word for setting in settings for word in ("-c", setting)]
    expected = [("no-prints", "src/shop/web.py", 5), ("no-prints", "src/shop/文.py", 2)]
    assert checkout.validate(checkout.git(*words, "diff", "main...HEAD")).found == expected
    for setting in settings:
        checkout.git("config", *setting.split("=", 1))
    assert checkout.check().found == expected


def test_prefixes_of_ones_own_are_no_folders(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", f"from shop import store\n\n\n{PRINTING}")
    checkout.write("src/shop/文.py", PRINTING)
    checkout.git("mv", "src/shop_tools.py", "src/tools.py")
    checkout.commit()
    diff = checkout.git("diff", "--src-prefix=before/", "--dst-prefix=after/", "main...HEAD")
    assert checkout.validate(diff).found == [("no-prints", "src/shop/web.py", 5), ("no-prints", "src/shop/文.py", 2)]


def test_what_people_read_is_refused_with_what_to_do(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", PRINTING)
    checkout.commit()
    for setting in ("color.ui=always", "diff.external=/bin/echo"):
        checkout.git("config", *setting.split("=", 1))
        assert checkout.check().found == [("no-prints", "src/shop/web.py", 2)]
        outcome = checkout.validate(checkout.git("diff", "main...HEAD"))
        assert outcome.code == 2
        assert "--no-color --no-ext-diff" in str(outcome.error)
        checkout.git("config", "--unset", setting.split("=", 1)[0])


def test_a_diff_by_paths_of_a_folder_is_no_diff_of_the_repository(checkout: Checkout) -> None:
    checkout.write("src/shop/page.py", PRINTING)
    checkout.write("src/shop/empty.py", "")
    checkout.commit()
    diff = checkout.git("-C", "src", "diff", "--relative", "main...HEAD")
    outcome = checkout.validate(diff)
    assert outcome.code == 2
    assert "--no-relative" in str(outcome.error)


def test_a_new_file_that_another_folder_has_as_well_is_judged(checkout: Checkout) -> None:
    checkout.write("shop/web.py", (checkout.root / "src/shop/web.py").read_bytes())
    checkout.write("shop/page.py", PRINTING)
    checkout.commit()
    diff = checkout.git("diff", "main...HEAD")
    checkout.git("switch", "--quiet", "main")
    assert checkout.validate(diff).found == [("no-prints", "shop/page.py", 2)]
