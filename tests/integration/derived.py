"""Versions of the services for the tests: images derived from those of the checkout, under names of their own."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import docker
from tests.integration.platform import ROOT, Platform, local_image
from tests.support.leftovers import NAME, image_tags, remove_images

# Imported by Python before anything else of the service (PYTHONPATH is the folder of its code); by no health check:
# those run isolated (`python -I -S`).
HOOK = "opt/app/sitecustomize.py"

# From the first request on: a start takes as long as it takes.
ENDS_AFTER_10_S = """
import os, threading
from ai_engine.chat import Chat

answer, timer = Chat.__call__, threading.Timer(10, os._exit, [7])
timer.daemon = True

async def answer_and_end(chat, request):
    if timer.ident is None:
        timer.start()
    return await answer(chat, request)

Chat.__call__ = answer_and_end
"""

# The migrations job does its work.
NEVER_LISTENS = """
import os, time
if os.environ.get("RUN_MIGRATIONS_ONLY") != "true" and os.environ.get("SECRETS_DIR"):
    print("still loading", flush=True)
    time.sleep(3600)
"""

# Through all the layers of the service, so that the answer looks like every other one of it.
ANSWERS_500 = """
from ai_engine.chat import Chat

async def fail(*_arguments):
    raise RuntimeError("this version is broken")

Chat.__call__ = fail
"""

MIGRATION = '''"""{what}

Revises: 0001
"""

from alembic import op

revision = "{name}"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in {up!r}:
        op.execute(statement)


def downgrade() -> None:
    for statement in {down!r}:
        op.execute(statement)
'''


@dataclass(frozen=True)
class Images:
    """The images of one test session.

    Args:
        repository: what their names begin with.
    """

    repository: str

    def name(self, service: str, tag: str) -> str:
        """Return an image's name."""
        return f"{self.repository}/{service}:{tag}"

    def make(self, service: str, tag: str, files: Mapping[str, str] | None = None) -> str:
        """Make a version of a service; return its id.

        Args:
            service: the service.
            tag: what the version is called; also in a label, so that no two versions are the same image.
            files: path, without the first slash -> text, put on top of what is there.
        """
        recipe = f"FROM {local_image(service)}\nLABEL it.version={tag}\nCOPY files/ /\n"
        on_top = {"opt/app/.version": tag, **(files or {})}
        context = {"Dockerfile": recipe, **{f"files/{path}": text for path, text in on_top.items()}}
        image, _log = docker.from_env().images.build(
            fileobj=_tar(context), custom_context=True, tag=self.name(service, tag), rm=True
        )
        return str(image.id)

    def make_migration(self, tag: str, up: tuple[str, ...], down: tuple[str, ...] = (), hook: str = "") -> str:
        """Make a version of memory-engine with one more migration; return its id."""
        path = f"opt/app/memory_engine/migrations/versions/m20991231_{tag.replace('-', '_')}.py"
        text = MIGRATION.format(what=f"The migration of version {tag}.", name=f"it_{tag[:20]}", up=up, down=down)
        return self.make("memory-engine", tag, {path: text, **({HOOK: hook} if hook else {})})

    def id(self, service: str, tag: str) -> str:
        """Return the id of an image."""
        return str(docker.from_env().images.get(self.name(service, tag)).id)

    def running(self, platform: Platform, service: str = "ai-engine") -> list[str]:
        """Return the tags of what the running replicas of a service run, one each."""
        engine = docker.from_env()
        tags = {image: tag.rpartition(":")[2] for tag, image in image_tags(engine.api).items() if self._own([tag])}
        states = platform.states()
        live = [name for name in sorted(platform.replicas(service)) if states[name][1] == "running"]
        return [tags[engine.containers.get(name).image.id] for name in live]

    def _own(self, tags: list[str]) -> list[str]:
        return [tag for tag in tags if tag.startswith(f"{self.repository}/") and ":kept-" not in tag]

    def another(self, platform: Platform) -> str:
        """Return the tag of a version of ai-engine that works, other than the one that runs."""
        return "v1" if self.running(platform)[0] == "v2" else "v2"

    def wanted(self, tag: str) -> list[str]:
        """Return the flags of `deploy` for a version; v1 is the one of the Compose files."""
        return [] if tag == "v1" else ["--image", tag]

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables with which a stack runs the first version of everything."""
        services = ("ai-engine", "memory-engine", "backend-orchestrator")
        return {f"{name.upper().replace('-', '_')}_IMAGE": self.name(name, "v1") for name in services}


@contextmanager
def derived_images() -> Iterator[Images]:
    """Make a first version of every service and others of ai-engine; remove them, and what was kept of them, after."""
    engine = docker.from_env()
    made = Images(NAME)
    try:
        for service in ("ai-engine", "memory-engine", "backend-orchestrator"):
            made.make(service, "v1")
        made.make("ai-engine", "v2")
        yield made
    finally:
        remove_images(engine.api, f"{made.repository}/")


def need_originals() -> None:
    """Build the images of the checkout that are not there, or not made of its sources as they are."""
    checkout = Platform("", dict(os.environ), ROOT, 0, 0)
    services = {local_image(name) for name in ("ai-engine", "memory-engine", "backend-orchestrator")}
    rows = checkout.invoke("images.list", "--json").check().json
    current = {row["image"] for row in rows if row["current"]}
    if not services <= current:
        checkout.invoke("images.build").check()


def _tar(files: Mapping[str, str]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    packed.seek(0)
    return packed
