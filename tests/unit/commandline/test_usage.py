"""What can't be meant is refused by name, before anything is read or touched."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoke.main import program

from optimus_ops.commandline.positional_services import with_flags
from optimus_ops.commandline.usage import check_own_flags, check_usage
from optimus_ops.errors import Refused
from optimus_ops.tasks.root import contexts_of, make_namespace

ROOT = Path(__file__).parents[3]
CONTEXTS = contexts_of(make_namespace(ROOT))
CORE = program.initial_context


def refusal(*words: str) -> str:
    with pytest.raises(Refused) as raised:
        check_usage(with_flags(words, CONTEXTS), CONTEXTS, CORE)
    return str(raised.value)


VALUED = {
    task: flags
    for task, context in CONTEXTS.items()
    if (flags := {flag: argument for flag, argument in context.flags.items() if argument.takes_value})
}


@pytest.mark.parametrize("task", VALUED)
def test_an_empty_value_is_refused_at_every_flag(task: str) -> None:
    for flag in VALUED[task]:
        for value in ("", "  ", "\t"):
            assert f"{flag} has an empty value" in refusal(task, flag, value)
            assert f"{flag} has an empty value" in refusal(task, f"{flag}={value}")


@pytest.mark.parametrize("task", VALUED)
def test_a_flag_without_its_value_is_refused(task: str) -> None:
    for flag in (flag for flag, argument in VALUED[task].items() if not argument.optional):
        assert f"{flag} needs a value" in refusal(task, flag)
        other = next(name for name in CONTEXTS[task].flags if name != flag)
        assert f"{flag} needs a value" in refusal(task, flag, other)


def test_an_empty_word_is_no_service() -> None:
    assert "--service has an empty value" in refusal("deploy", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("secrets.get",), "invoke secrets.get needs KEY\n  name of the secret"),
        (("secrets.get", "--environment", "staging"), "invoke secrets.get needs KEY"),
        (("secrets.diff", "staging"), "invoke secrets.diff needs B"),
        (("secrets.diff", "-b", "staging"), "invoke secrets.diff needs A"),
        (("secrets.get", "--help"), "--help stands before this task\n  invoke --help secrets.get"),
        (("secrets.set", "KEY", "hunter2"), "invoke secrets.set takes no word behind KEY\n  its flags"),
    ],
)
def test_words_that_a_task_wants_are_there_and_none_behind_them(words: tuple[str, ...], message: str) -> None:
    said = refusal(*words)

    assert message in said
    # It may be a value.
    assert "hunter2" not in said


def test_a_word_that_a_task_wants_may_be_the_name_of_a_task_or_stand_behind_a_flag() -> None:
    for words in (("secrets.get", "scale"), ("secrets.get", "--key", "X"), ("secrets.get", "--key=X", "status")):
        check_usage(with_flags(words, CONTEXTS), CONTEXTS, CORE)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("scael",), "no task 'scael'\n  did you mean scale?"),
        (("redis.fail",), "did you mean redis.failover?"),
        (("zzz",), "all of them: invoke --list"),
        (("scale", "--ai-engin", "3"), "invoke scale has no flag --ai-engin\n  did you mean --ai-engine?"),
        (("scale", "--zzz"), "its flags: invoke --help scale"),
        (("scale", "4"), "a number follows a flag: invoke scale --ai-engine 4"),
        (("status", "--json=yes"), "--json takes no value"),
    ],
)
def test_the_message_names_what_comes_near(words: tuple[str, ...], message: str) -> None:
    assert message in refusal(*words)


@pytest.mark.parametrize(
    "words",
    [
        "scale --ai-engine 3 --plan",
        "scale --ai-engine=3",
        "deploy ai-engine memory-engine --image 1.4",
        "deploy ai-engine status --json",
        "ci.run deploy --event pull_request",
        "ci.run --plan deploy",
        "logs --no-follow --tail all",
        "scale --help",
        "status -h",
        "redis.restore --from backup",
        "validate-redis --tls",
        "validate-redis --tls sentinels --json",
        "validate-redis --tls status",
        "scale --build ai-engine --build memory-engine",
    ],
)
def test_what_can_be_meant_passes(words: str) -> None:
    check_usage(with_flags(words.split(), CONTEXTS), CONTEXTS, CORE)


@pytest.mark.parametrize("flag", ["-r", "--search-root", "--collection"])
def test_invoke_s_own_flags_take_no_empty_value_either(flag: str) -> None:
    with pytest.raises(Refused, match="empty value"):
        check_own_flags([flag, "", "status"], CORE)
    with pytest.raises(Refused, match="needs a value"):
        check_own_flags([flag], CORE)


@given(st.lists(st.sampled_from(["scale", "deploy", "--plan", "--image", "--image=", "", "-", "--", "4", "-x", "a b"])))
def test_no_line_is_an_error_of_another_kind(words: list[str]) -> None:
    with contextlib.suppress(Refused):
        check_usage(with_flags(words, CONTEXTS), CONTEXTS, CORE)
