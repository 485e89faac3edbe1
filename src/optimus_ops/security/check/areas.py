"""The areas of a check: what each looks at, and its rules."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from optimus_ops.errors import Refused
from optimus_ops.security.check.context import CheckContext
from optimus_ops.security.check.request import CheckRequest
from optimus_ops.security.exposure import container_leaks, git_leaks, image_leaks, work_tree
from optimus_ops.security.hardening import compose_check, running_check
from optimus_ops.security.hardening.compose_settings import settings_of_model
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule
from optimus_ops.security.secret_files import modes, values


@dataclass(frozen=True)
class Area:
    """One area; `needs` is what it can't do without: "" or the engine, for images or for containers."""

    name: str
    look: Callable[[CheckContext], Outcome]
    rules: tuple[Rule, ...]
    needs: str = ""


def _files(context: CheckContext) -> Outcome:
    return modes.check_modes(context.private, os.geteuid())


def _values(context: CheckContext) -> Outcome:
    return values.check_file_values(context.source)


def _git(context: CheckContext) -> Outcome:
    # Where there is none yet, as in CI, that of the schema.
    expected = (context.project.secrets_file,) if context.source.entries else ()
    return git_leaks.git_leaks(context.root, context.private.files or expected, context.matcher)


def _work_tree(context: CheckContext) -> Outcome:
    private = context.private
    own = (*private.files, private.projected, *modes.private_in_state(private))
    return work_tree.work_tree_leaks(context.root, own, context.matcher, context.values_only)


def _images(context: CheckContext) -> Outcome:
    names = context.running_compose().stack().images
    return image_leaks.image_leaks(context.engine, names, context.matcher, context.note)


def _containers(context: CheckContext) -> Outcome:
    project = context.project
    return container_leaks.container_leaks(
        context.engine, project.name, context.matcher, project.secrets, context.granted
    )


def _compose(context: CheckContext) -> Outcome:
    if not (context.project.compose / context.project.base).is_file():
        return Outcome("no Compose files")
    return compose_check.check_compose(context.every_combination(), context.root, {})


def _running(context: CheckContext) -> Outcome:
    compose = context.running_compose()
    document = compose.document()
    wanted = settings_of_model(document, compose.stack_of(document).jobs, {})
    return running_check.check_running(context.engine, context.project.name, wanted)


AREAS: tuple[Area, ...] = (
    Area("files", _files, modes.RULES),
    Area("values", _values, values.RULES),
    Area("git", _git, git_leaks.RULES),
    Area("work-tree", _work_tree, work_tree.RULES),
    Area("compose", _compose, compose_check.ALL_RULES),
    Area("images", _images, image_leaks.RULES, "images"),
    Area("containers", _containers, container_leaks.RULES, "containers"),
    Area("running", _running, running_check.ALL_RULES, "containers"),
)


def chosen_areas(request: CheckRequest) -> tuple[Area, ...]:
    """Return the areas that are asked for, in their order.

    Raises:
        Refused: there is no such area.
    """
    names = [area.name for area in AREAS]
    if unknown := [name for name in request.only if name not in names]:
        raise Refused(f"no area {unknown[0]!r}", f"areas: {', '.join(names)}")
    left_out = {name for name in ("images", "containers") if not getattr(request, name)}
    chosen = [area for area in AREAS if not request.only or area.name in request.only]
    if asked := [area.name for area in chosen if request.only and area.needs in left_out]:
        raise Refused(f"--only {asked[0]} and --no-{asked[0]} at once", "leave one of them out")
    return tuple(area for area in chosen if area.needs not in left_out)
