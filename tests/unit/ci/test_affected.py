"""What a change needs."""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ci.conftest import Checkout
from tests.unit.repository import CHECKOUT
from tests.unit.test_workflows import nox_sessions

from optimus_ops.ci.affected import Affected, affected, everything, read_rules, unmatched
from optimus_ops.ci.affected_session import NeededSession, needed_sessions
from optimus_ops.ci.affected_task import default_base, find_affected, project_rules, show_affected
from optimus_ops.ci.git_changes import changes_since, names_of
from optimus_ops.ci.import_graph import import_graph
from optimus_ops.errors import Refused

SETTINGS = tomllib.loads("""
everything = ["pyproject.toml"]
nothing = ["LICENSE"]
[sessions.lint]
paths = ["**/*.py"]
[sessions.unit]
paths = ["compose/**"]
tests = ["tests/unit/**/test_*.py"]
[sessions.e2e]
samples = {"services/**" = ["tests/e2e/test_chat.py"]}
[images]
api = ["services/api/**", "services/kit/*"]
""")
RULES = read_rules(SETTINGS)
SOURCES = {
    "src/lib/__init__.py": "",
    "src/lib/a.py": "from lib import b\n",
    "src/lib/b.py": "",
    "src/lib/c.py": "",
    "services/api/src/api/app.py": "import lib.c\n",
    "tests/unit/test_a.py": "from lib.a import x\n",
    "tests/unit/deep/test_c.py": "from lib import (\n    c,  # why\n)\n",
}


def of(*changed: str, removed: tuple[str, ...] = ()) -> Affected:
    sources = {name: text for name, text in SOURCES.items() if name not in removed}
    return affected((*changed, *removed), RULES, import_graph(sources, removed), frozenset(sources))


def test_rules_are_what_the_settings_say() -> None:
    rules = read_rules(SETTINGS)
    assert (rules.everything, rules.nothing) == (("pyproject.toml",), ("LICENSE",))
    assert {name: (rule.paths, rule.tests) for name, rule in rules.sessions.items()} == {
        "lint": (("**/*.py",), ()),
        "unit": (("compose/**",), ("tests/unit/**/test_*.py",)),
        "e2e": ((), ()),
    }
    assert rules.sessions["e2e"].samples == {"services/**": ("tests/e2e/test_chat.py",)}
    assert rules.images == {"api": ("services/api/**", "services/kit/*")}


def test_the_full_set_is_all_sessions_whole_and_all_images() -> None:
    assert everything(read_rules(SETTINGS), "why") == Affected(
        full=True,
        sessions={"lint": (), "unit": (), "e2e": ()},
        images=("api",),
        reasons={"lint": "why", "unit": "why", "e2e": "why", "api": "why"},
    )


def test_a_change_that_needs_a_part_says_so() -> None:
    assert of("services/api/src/api/app.py") == Affected(
        full=False,
        sessions={"lint": (), "e2e": ("tests/e2e/test_chat.py",)},
        images=("api",),
        reasons={
            "lint": "services/api/src/api/app.py changed",
            "e2e": "services/api/src/api/app.py changed",
            "api": "services/api/src/api/app.py changed",
        },
    )
    assert of("tests/unit/deep/test_c.py").reasons["unit"] == "tests/unit/deep/test_c.py changed"


def test_a_pattern_that_matches_no_file_is_named() -> None:
    files = [*SOURCES, "pyproject.toml", "compose/x.yml", "tests/e2e/test_chat.py", "services/kit/a"]
    assert unmatched(read_rules(SETTINGS), files) == ("LICENSE",)
    assert unmatched(read_rules({"sessions": {"a": {"samples": {"b": ["c"]}}}, "images": {"d": ["e"]}}), ()) == (
        "b",
        "e",
    )


def test_a_module_needs_the_tests_that_import_it() -> None:
    found = of("src/lib/b.py")
    assert found.sessions == {"lint": (), "unit": ("tests/unit/test_a.py",)}
    assert found.reasons["unit"] == "tests/unit/test_a.py imports src/lib/b.py"
    assert not found.full


def test_a_test_needs_itself() -> None:
    assert of("tests/unit/deep/test_c.py").sessions["unit"] == ("tests/unit/deep/test_c.py",)


def test_a_module_that_is_gone_needs_what_still_imports_it() -> None:
    assert of(removed=("src/lib/c.py",)).sessions["unit"] == ("tests/unit/deep/test_c.py",)


def test_the_file_of_a_package_needs_all_that_import_from_it() -> None:
    assert of("src/lib/__init__.py").sessions["unit"] == ("tests/unit/deep/test_c.py", "tests/unit/test_a.py")


def test_images_and_samples_follow_their_paths() -> None:
    found = of("services/api/Dockerfile")
    assert (found.images, found.sessions) == (("api",), {"e2e": ("tests/e2e/test_chat.py",)})
    assert of("services/kit/x").images == ("api",)
    assert of("services/kit/deep/x").images == ()


@pytest.mark.parametrize("name", ["pyproject.toml", "unknown.bin"])
def test_in_doubt_all_runs(name: str) -> None:
    found = of("LICENSE", name)
    assert found == everything(RULES, found.reasons["lint"])
    assert name in found.reasons["lint"]


def test_what_needs_nothing() -> None:
    assert of("LICENSE").sessions == of().sessions == {}


@given(
    st.sets(st.sampled_from([*SOURCES, "LICENSE", "services/api/x", "compose/a.yml"])), st.sampled_from(list(SOURCES))
)
def test_more_changes_need_no_less(names: set[str], name: str) -> None:
    def pairs(found: Affected) -> set[tuple[str, str]]:
        files = [file for file in SOURCES if "test_" in file]
        return {(session, test) for session, tests in found.sessions.items() for test in tests or files or ("",)}

    assert pairs(of(*names)) <= pairs(of(*names, name))


def test_both_names_of_a_renamed_file_count() -> None:
    assert list(names_of("M\0a\0R087\0old\0new\0D\0b\0")) == ["a", "old", "new", "b"]


def test_changes_are_those_since_the_histories_part_and_what_is_not_committed(checkout: Checkout) -> None:
    root = checkout({"a.py": "1\n", "b.py": "2\n"})
    (root / "a.py").rename(root / "c.py")
    (root / "new ä.py").write_text("")
    found = changes_since(root, "main")
    assert found.names == ("a.py", "c.py", "new ä.py")
    assert {"b.py", "c.py", "new ä.py"} <= found.files
    assert "a.py" not in found.files
    with pytest.raises(Refused, match="no common history with 'nowhere'"):
        changes_since(root, "nowhere")


PROJECT = """
[tool.optimus-ops]
name = "shop"
[tool.optimus-ops.affected.sessions.lint]
paths = ["**/*.py"]
[tool.optimus-ops.affected.sessions.unit]
tests = ["tests/test_*.py"]
[tool.optimus-ops.affected.images]
api = ["api/**"]
"""


@pytest.fixture
def shop(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with rules, in which a module and a file of an image changed."""
    files = {"pyproject.toml": PROJECT, "compose.yml": "services: {}\n", "a.py": "", "tests/test_a.py": "import a\n"}
    root = checkout(files)
    (root / "a.py").write_text("x = 1\n")
    (root / "api").mkdir()
    (root / "api" / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(root)
    for name in ("GITHUB_OUTPUT", "GITHUB_BASE_REF", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.mark.usefixtures("shop")
def test_what_a_change_needs_is_shown_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_affected("", json=False)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[1:]] == [
        "lint: all (a.py changed)",
        "unit: 1 test files (tests/test_a.py imports a.py)",
        "image api (api/Dockerfile changed)",
    ]
    show_affected("", json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["changed"], found["images"], found["full"]) == (["a.py", "api/Dockerfile"], ["api"], False)
    assert found["sessions"] == {"lint": [], "unit": ["tests/test_a.py"]}


def test_a_workflow_gets_it_as_outputs_of_the_step(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(shop / ".optimus-output"))
    show_affected("main", json=True)
    assert (shop / ".optimus-output").read_text().splitlines() == [
        "full=false",
        'sessions=["lint", "unit"]',
        'plan={"lint": [], "unit": ["tests/test_a.py"]}',
        'images=["api"]',
        "tests_lint=",
        "tests_unit=tests/test_a.py",
    ]


def test_on_a_main_branch_in_ci_all_is_needed(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "checkout", "-q", "--", "a.py"], check=True)
    (shop / "api" / "Dockerfile").unlink()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    show_affected("", json=False)
    shown = capsys.readouterr().out
    assert shown.startswith("nothing changed\n")
    assert "lint: all (there is nothing to compare with)" in shown
    monkeypatch.setenv("GITHUB_BASE_REF", "release")
    assert default_base() == "origin/release"


def test_a_workflow_that_can_not_compare_with_its_base_runs_everything(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_BASE_REF", "release")
    monkeypatch.setenv("GITHUB_OUTPUT", str(shop / ".optimus-output"))
    show_affected("", json=True)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["full"]
    assert captured.err.startswith("::warning title=affected::everything runs: no common history with 'origin/release'")
    assert "full=true" in (shop / ".optimus-output").read_text()


@pytest.mark.usefixtures("shop")
def test_a_base_that_was_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(Refused, match="no common history with 'nowhere'"):
        show_affected("nowhere", json=False)


def test_the_session_of_nox_runs_what_the_task_says(shop: Path) -> None:
    assert needed_sessions(shop, []) == (
        NeededSession("lint", (), "a.py changed"),
        NeededSession("unit", ("tests/test_a.py",), "tests/test_a.py imports a.py"),
    )


def test_a_job_runs_its_part_of_what_the_plan_job_decided(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = shop / ".optimus-output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    show_affected("main", json=True)
    plan = next(line.removeprefix("plan=") for line in output.read_text().splitlines() if line.startswith("plan="))
    decided = "the plan says so"
    needed = needed_sessions(shop, ["--plan", plan, "--only", "unit"])
    assert needed == (NeededSession("unit", ("tests/test_a.py",), decided),)
    assert needed_sessions(shop, ["--plan", '{"lint": []}', "--only", "unit"]) == ()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--plan", ""], "no JSON"),
        (["--plan", "[]"], "an object of sessions"),
        (["--plan", '{"unit": "tests"}'], "an object of sessions"),
        (["--plan", '{"unit": ["--pdb"]}'], "an object of sessions"),
        (["--plan", '{"nothing": []}'], "no session nothing"),
        (["--only", "units"], "no session units"),
        (["nowhere"], "no common history"),
    ],
)
def test_a_plan_that_is_none_is_refused(shop: Path, words: list[str], complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        needed_sessions(shop, words)


def test_a_project_without_rules_is_refused(checkout: Checkout) -> None:
    root = checkout({"pyproject.toml": ""})
    with pytest.raises(Refused, match=r"no rules for ci\.affected"):
        find_affected(root, "main")


@pytest.mark.parametrize(
    "table", [{"everything": "x"}, {"sessions": []}, {"sessions": {"a": {"paths": [1]}}}, {"images": {"a": "b"}}]
)
def test_malformed_rules_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"must be a (list of texts|table)"):
        read_rules(table)


def test_every_pattern_of_this_repository_matches_a_file_and_every_session_exists() -> None:
    rules = project_rules(CHECKOUT)
    assert unmatched(rules, changes_since(CHECKOUT, "HEAD").files) == ()
    # `checks` runs others, and `images` builds what those of stacks need.
    helpers = {"checks", "images"}
    always = [name for name, declared in nox_sessions().items() if "default=False" not in declared]
    assert list(rules.sessions) == [name for name in always if name not in helpers]
    samples = {test for rule in rules.sessions.values() for tests in rule.samples.values() for test in tests}
    assert [test for test in samples if not (CHECKOUT / test).is_file()] == []


def test_the_graph_has_what_grimp_finds() -> None:
    library = CHECKOUT / "src"
    paths = [path for path in library.rglob("*.py") if "local_actions" not in path.parts]
    found = import_graph({path.relative_to(CHECKOUT).as_posix(): path.read_text() for path in paths})
    graph = grimp.build_graph("optimus_ops", cache_dir=None)
    missing = [
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if _file(imported) not in found.imports[_file(importer)]
    ]
    assert missing == []


@pytest.mark.parametrize(
    "text",
    [
        "from b import x  # import no more\n",
        "import b # import, import",
        "important = 1\r\n\tfrom b import (\r\n  x, # import\r\n)\r\n",
        "def f():\n    import sys, b\n",
        "from importlib import import_module\nimport b",
    ],
)
def test_an_import_is_found_wherever_the_word_stands_beside_it(text: str) -> None:
    assert import_graph({"a.py": text, "b.py": "", "c.py": ""}).imports["a.py"] == {"b.py"}


def _file(module: str) -> str:
    path = Path("src", *module.split("."))
    return (path / "__init__.py" if (CHECKOUT / path).is_dir() else path.with_suffix(".py")).as_posix()
