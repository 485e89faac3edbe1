"""A deploy that is interrupted or killed, in each of its steps, under load: nothing is ever lost.

Ctrl-C and SIGTERM: the stack is as it was before. SIGKILL: the same command again ends what was begun.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from tests.integration.derived import Images
from tests.integration.load import Load
from tests.integration.platform import Platform, Ran

pytestmark = pytest.mark.integration

STEPS = (
    "keep",
    "pin",
    "check-contracts",
    "start",
    "wait-healthy",
    "verify",
    "observe",
    "stop",
    "verify",
    "remove",
)
# Seconds into a step: it is in the midst of its work then. Those that aren't here take less than it takes to look.
MIDST = {"check-contracts": 0.2, "start": 0.5, "wait-healthy": 1.0, "observe": 0.4, "stop": 1.0, "verify": 0.05}
# One step of each kind always, the others in `nox -s faults`; all of them on the fake engine (tests/unit/rollout).
ALWAYS = {"start", "stop"}
EACH_STEP = pytest.mark.parametrize(
    "step",
    [
        pytest.param(number, id=f"{number}-{name}", marks=[] if name == "stop" else pytest.mark.faults)
        for number, name in enumerate(STEPS, 1)
    ],
)
# (step, signal, seconds into it): in each, and as one begins where the new container is not there yet, or the old one
# still answers.
SIGNALS = [
    *((step, (signal.SIGINT, signal.SIGTERM)[step % 2], MIDST.get(name, 0.0)) for step, name in enumerate(STEPS, 1)),
    *((STEPS.index(name) + 1, signal.SIGINT, 0.0) for name in ("start", "stop")),
]


@pytest.fixture(scope="module")
def load(rolling: Platform) -> Iterator[Load]:
    """Return load that goes on from test to test."""
    rolling.invoke("scale", "--ai-engine", "1").check()
    with Load(rolling, long="embedded/1000") as clients:
        yield clients
    clients.assert_nothing_lost()


def deploy(images: Images, tag: str) -> list[str]:
    """Return the words of a deploy of a version."""
    return ["deploy", "ai-engine", *images.wanted(tag), "--observe", "0.5"]


def struck(platform: Platform, images: Images, tag: str, number: signal.Signals, step: int, after: float) -> Ran:
    """Deploy, with a signal to the task some seconds into a step."""
    return platform.struck(number, step, after, *deploy(images, tag))


def kept_files(platform: Platform) -> dict[str, str]:
    """Return the library's own notes of what is pinned and kept."""
    folders = (platform.folder / "state" / name for name in ("pins", "kept"))
    return {path.name: path.read_text() for folder in folders if folder.is_dir() for path in folder.iterdir()}


def test_the_steps_are_those_of_a_deploy(rolling: Platform, images: Images) -> None:
    words = ["deploy", "ai-engine", *images.wanted(images.another(rolling)), "--observe", "1", "--plan", "--json"]
    planned = rolling.invoke(*words).check().json["plan"]["steps"]
    assert tuple(step["step"] for step in planned) == STEPS


@pytest.mark.parametrize(
    ("step", "number", "after"),
    [
        pytest.param(
            *(step, number, after),
            id=f"{step}-{STEPS[step - 1]}-{number.name}-{after}",
            marks=[] if STEPS[step - 1] in ALWAYS and after else pytest.mark.faults,
        )
        for step, number, after in SIGNALS
    ],
)
def test_a_signal_in_a_step_leaves_everything_as_it_was(
    rolling: Platform, images: Images, load: Load, step: int, number: signal.Signals, after: float
) -> None:
    before, notes = rolling.states(), kept_files(rolling)
    ran = struck(rolling, images, images.another(rolling), number, step, after)
    assert ran.code == 128 + number, ran.text
    assert "Traceback" not in ran.text
    assert rolling.states() == before, ran.text
    assert kept_files(rolling) == notes
    load.go_on(10)
    load.assert_nothing_lost()


@EACH_STEP
def test_after_sigkill_in_a_step_the_same_command_ends_what_was_begun(
    rolling: Platform, images: Images, load: Load, step: int
) -> None:
    tag, others = images.another(rolling), set(rolling.states()) - set(rolling.replicas("ai-engine"))
    killed = struck(rolling, images, tag, signal.SIGKILL, step, MIDST.get(STEPS[step - 1], 0.0))
    assert killed.code == -signal.SIGKILL, killed.text
    ran = rolling.invoke(*deploy(images, tag)).check()
    assert images.running(rolling) == [tag], ran.text
    assert set(rolling.states()) - set(rolling.replicas("ai-engine")) == others
    assert len(rolling.replicas("ai-engine")) == 1
    load.go_on(10)
    load.assert_nothing_lost()
