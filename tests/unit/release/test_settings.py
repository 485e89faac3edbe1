"""Settings of releases, and the version in a TOML file."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from optimus_ops.errors import Refused
from optimus_ops.release.settings import read_settings, with_version

NEW = Version("9.8.7")


def test_settings_are_those_of_the_project(project: Path) -> None:
    settings = read_settings(project)
    assert (settings.name, str(settings.version)) == ("greetings", "1.2.0")
    assert settings.version_files == ("plugin/pyproject.toml",)
    assert settings.dependencies == ("Rich>=14", "packaging")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a name and a version"),
        ("[project]\nname = 'a'\ndynamic = ['version']\n", "needs a name and a version"),
        ("[project]\nname = 'a'\nversion = '1.0'\n", "three numbers"),
        ("[project", "can't be read"),
        ("[project]\nname='a'\nversion='1.0.0'\n[tool.optimus-ops.release]\ntries = []\n", "knows no tries"),
        ("[project]\nname='a'\nversion='1.0.0'\n[tool.optimus-ops.release]\ntry = 'x'\n", "a list of texts"),
        ("[project]\nname='a'\nversion='1.0.0'\n[tool.optimus-ops.release]\nchangelog = 1\n", "a text is wanted"),
        ("[project]\nname='a'\nversion='1.0.0'\n[tool.optimus-ops.release]\nactions = 1\n", "true or false"),
        ("[project]\nname='a'\nversion='1.0.0'\n[tool.optimus-ops]\nrelease = 1\n", "must be a table"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(Refused, match=message):
        read_settings(tmp_path)


def test_only_the_project_s_version_changes() -> None:
    before, behind = (
        '[tool.x]\nversion = "1.0.0"\n\n[project]\nname = "a" # version = "1"',
        '\n[other]\nversion = "1.0.0"\n',
    )
    text = f"{before}\nversion = '1.0.0' # here\n{behind}"
    changed = with_version(text, NEW, "pyproject.toml")
    assert changed == text.replace("version = '1.0.0' # here", "version = '9.8.7' # here")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[project]\nname = 'a'\n",
        "project = {version = '1.0.0'}\n",
        "[project]\n'version' = '1.0.0'\n",
        "[project]\ndescription = '''\nversion = '1.0.0'\n'''\nversion = '1.0.0'\n",
        "[project\n",
    ],
)
def test_what_can_not_be_changed_by_itself_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        with_version(text, NEW, "pyproject.toml")


toml_lines = st.sampled_from(
    [
        "",
        "# version = '1'",
        "name = 'a'",
        "version = '1.0.0'",
        'version="1.0.0"',
        "x = '''",
        "'''",
        "[project]",
        "[tool]",
        "[[project.x]]",
        "y = [",
        "]",
    ]
)


@given(st.lists(toml_lines, max_size=10).map("\n".join))
def test_any_text_is_changed_in_its_version_alone_or_refused(text: str) -> None:
    try:
        changed = with_version(text, NEW, "pyproject.toml")
    except Refused:
        return
    expected = tomllib.loads(text)
    expected["project"]["version"] = str(NEW)
    assert tomllib.loads(changed) == expected
    assert len(changed.splitlines()) == len(text.splitlines())
