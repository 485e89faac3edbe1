"""Pushing images: what is refused, what they are called in the registry, and that the engine keeps no name of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.engine import FakeEngine
from tests.fakes.host import Call

from optimus_ops.change.events import Event
from optimus_ops.change.executor import execute
from optimus_ops.commandline.flag_types import RegistryNamespace
from optimus_ops.engine.values import Image
from optimus_ops.errors import Interrupted, OpsError, Refused
from optimus_ops.images.built_images import BuiltImage
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.push import Pushed, PushExecutor, PushRequest, outputs_of, plan_push
from optimus_ops.plan.step import Plan
from optimus_ops.reports.step_outputs import write_outputs
from optimus_ops.system.process import CommandFailed, Completed

SOURCE = "0123456789abcdef" * 4
WEB = BuiltImage("web", ("web",), "shop/web:local", Image("sha256:" + "a" * 64, labels={LABEL: SOURCE}), SOURCE)
OUTDATED = replace(WEB, source="f" * 64)


def quiet(_: Event) -> None:
    """Events are of no interest here."""


def pushed(engine: FakeEngine, request: PushRequest, hook: Callable[[Call], None] | None = None) -> list[Pushed]:
    engine.add_image(WEB.name, WEB.image.id)
    engine.hook = hook
    executor = PushExecutor(engine)
    execute(Plan("shop", "images.push", plan_push(request, [WEB])), executor, quiet)
    return executor.pushed


def test_an_image_is_called_by_its_content_unless_a_tag_is_given() -> None:
    (step,) = plan_push(PushRequest("ghcr.io/acme/shop"), [WEB])
    assert step.text == "push shop/web:local as ghcr.io/acme/shop/web:source-0123456789ab"
    (step,) = plan_push(PushRequest("ghcr.io/acme/shop", tags=("main", "1.4")), [WEB])
    assert step.text == "push shop/web:local as ghcr.io/acme/shop/web:main, ghcr.io/acme/shop/web:1.4"


def test_an_image_of_other_sources_is_refused_unless_it_is_asked_for() -> None:
    with pytest.raises(Refused, match="not made of the sources as they are now: the images of web") as refusal:
        plan_push(PushRequest("ghcr.io/acme"), [OUTDATED])
    assert refusal.value.hint == "invoke images.build web; to push them as they are: --outdated"
    (step,) = plan_push(PushRequest("ghcr.io/acme", outdated=True), [OUTDATED])
    assert step.text == f"push shop/web:local as ghcr.io/acme/web:image-{'a' * 12}"


def test_the_digest_of_the_registry_is_kept_and_no_name_stays_on_the_engine() -> None:
    engine = FakeEngine()
    found = pushed(engine, PushRequest("ghcr.io/acme", tags=("main", "1.4")))
    assert found == [Pushed("web", "ghcr.io/acme/web", WEB.image.id, ("main", "1.4"))]
    assert sorted(engine.registry) == ["ghcr.io/acme/web:1.4", "ghcr.io/acme/web:main"]
    assert [image.names for image in engine.known_images.values()] == [("shop/web:local",)]


def test_a_name_that_was_there_before_stays_what_it_was() -> None:
    engine = FakeEngine()
    other = engine.add_image("ghcr.io/acme/web:main", "sha256:" + "b" * 64)
    pushed(engine, PushRequest("ghcr.io/acme", tags=("main",)))
    assert engine.images(["ghcr.io/acme/web:main"]) == {"ghcr.io/acme/web:main": other}
    assert engine.registry["ghcr.io/acme/web:main"] == WEB.image.id


@pytest.mark.parametrize(
    "error", [Interrupted(2), CommandFailed(Completed(("docker", "push"), 1, "", "preparing\ndenied: no\n"))]
)
def test_nothing_is_left_of_a_push_that_does_not_end_well(error: BaseException) -> None:
    engine = FakeEngine()

    def fail(call: Call) -> None:
        if (call.name, call.phase) == ("push_image", "amid"):
            raise error

    with pytest.raises((OpsError, Interrupted)) as raised:
        pushed(engine, PushRequest("ghcr.io/acme"), fail)
    if isinstance(error, CommandFailed):
        assert str(raised.value) == (
            "ghcr.io/acme/web:source-0123456789ab could not be pushed: denied: no\n"
            "  may you write there? docker login ghcr.io"
        )
    assert [image.names for image in engine.known_images.values()] == [("shop/web:local",)]


def test_what_is_in_the_registry_already_is_told_where_a_later_image_fails() -> None:
    engine = FakeEngine()
    api = replace(WEB, service="api", name="shop/api:local", image=replace(WEB.image, id="sha256:" + "c" * 64))
    engine.add_image(WEB.name, WEB.image.id)
    engine.add_image(api.name, api.image.id)

    def fail(call: Call) -> None:
        if (call.name, call.phase) == ("push_image", "amid") and "/api:" in call.arguments[0]:
            raise CommandFailed(Completed(("docker", "push"), 1, "", "denied"))

    engine.hook = fail
    plan = Plan("shop", "images.push", plan_push(PushRequest("ghcr.io/acme"), [WEB, api]))
    with pytest.raises(OpsError, match=f"denied; in the registry by now: ghcr.io/acme/web@{WEB.image.id}"):
        execute(plan, PushExecutor(engine), quiet)


def test_a_workflow_gets_name_and_digest_as_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(target))
    one = Pushed("web", "ghcr.io/acme/web", "sha256:1", ("main",))
    write_outputs(outputs_of([one]))
    lines = dict(line.split("=", 1) for line in target.read_text().splitlines())
    assert (lines["name"], lines["digest"]) == ("ghcr.io/acme/web", "sha256:1")
    assert json.loads(lines["images"])[0]["tags"] == ["main"]
    assert list(outputs_of([one, one])) == ["images"]
    monkeypatch.delenv("GITHUB_OUTPUT")
    write_outputs({"name": "nothing"})
    assert "nothing" not in target.read_text()


@pytest.mark.parametrize("tag", ["a b", "", "-x", "x" * 129, "a/b", "x:y"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(Refused, match="not a tag"):
        PushRequest.of("ghcr.io/acme", [], [tag], outdated=False)


@pytest.mark.parametrize(
    "text", ["https://ghcr.io/acme", "ghcr.io", "acme/shop", "ghcr.io/acme:1", "ghcr.io//x", "a b/c"]
)
def test_what_is_no_namespace_of_a_registry_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="no namespace of a registry"):
        RegistryNamespace().parse(text, "--registry")


def test_a_password_in_the_name_of_a_registry_is_refused_and_not_shown() -> None:
    with pytest.raises(Refused, match="holds no user") as refusal:
        RegistryNamespace().parse("https://me:pa55word@ghcr.io/acme", "--registry")
    assert "pa55word" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        ("ghcr.io/Acme/Shop", "ghcr.io/acme/shop"),
        ("127.0.0.1:5000/acme/", "127.0.0.1:5000/acme"),
        ("localhost/acme", "localhost/acme"),
    ],
)
def test_a_namespace_of_a_registry_is_written_small(text: str, namespace: str) -> None:
    assert RegistryNamespace().parse(text, "--registry") == namespace
    with pytest.raises(Refused, match="--registry is missing"):
        RegistryNamespace().parse("", "--registry")
