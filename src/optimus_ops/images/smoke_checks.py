"""Checks of an image and of the containers of its services, by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from optimus_ops.checks.model import Check
from optimus_ops.images.built_images import BuiltImage
from optimus_ops.images.settings import ImageSettings
from optimus_ops.images.smoke_run import START_SECONDS, Observed
from optimus_ops.images.smoke_stack import Wanted

MEGABYTE = 1000**2
ROOT_USERS = frozenset({"", "root", "0"})
UNREADABLE = "/proc/1 can't be read in the container: it needs `cat`"


def image_checks(built: BuiltImage, settings: ImageSettings, contract: Mapping[str, bytes]) -> Iterator[Check]:
    """Yield the checks of an image's metadata; `contract` is path -> content of its contract's files."""
    subject = built.name
    rebuild = f"invoke images.build {built.service}"
    if built.current:
        yield Check(subject, "sources", "ok", "made of the sources as they are now")
    else:
        yield Check(subject, "sources", "failed", "not made of the sources as they are now", rebuild)
    user = built.image.user
    if user.partition(":")[0] in ROOT_USERS:
        yield Check(subject, "user", "failed", "it runs as root where nothing else is said", "USER in its Dockerfile")
    else:
        yield Check(subject, "user", "ok", f"runs as {user}")
    if missing := [label for label in settings.labels if not built.image.labels.get(label)]:
        yield Check(subject, "labels", "failed", f"without {', '.join(missing)}", "LABEL in its Dockerfile")
    elif settings.labels:
        yield Check(subject, "labels", "ok", f"has {', '.join(settings.labels)}")
    yield from _contract(subject, contract)
    yield _size(built, settings.largest.get(built.service))


def _contract(subject: str, contract: Mapping[str, bytes]) -> Iterator[Check]:
    if not contract:
        return
    try:
        for content in contract.values():
            json.loads(content)
    except ValueError:
        yield Check(subject, "contract", "failed", "is no JSON", "invoke contracts.generate, then build again")
    else:
        yield Check(subject, "contract", "ok", f"{', '.join(sorted(contract))} can be read")


def _size(built: BuiltImage, largest: int | None) -> Check:
    size = f"{built.image.size / MEGABYTE:.0f} MB"
    figures = {"bytes": built.image.size, "largest": largest}
    if largest is None:
        hint = f"record one: [tool.optimus-ops.images.largest] {built.service} = MEGABYTES"
        return Check(built.name, "size", "warning", f"{size}, without a bound", hint, figures)
    found = f"{size} of at most {largest / MEGABYTE:.0f} MB"
    if built.image.size <= largest:
        return Check(built.name, "size", "ok", found, figures=figures)
    hint = f"make it smaller, or raise the bound with a reason: [tool.optimus-ops.images.largest] {built.service}"
    return Check(built.name, "size", "failed", found, hint, figures)


def service_checks(seen: Observed, wanted: Wanted, *, asked: bool) -> Iterator[Check]:
    """Yield the checks of a service's container; `asked`: it was asked for an answer, and did not only have to run."""
    subject = seen.service
    yield _start(seen, asked=asked)
    if seen.ended:
        return
    status = dict(re.findall(r"^(\w+):\s*(.*)$", seen.status, re.MULTILINE))
    yield from (
        Check(
            subject, name, "failed" if wrong else "ok", wrong or good, "the service's definition in the Compose files"
        )
        if wrong
        else Check(subject, name, "ok", good)
        for name, wrong, good in (
            ("runs as", _wrong_user(status, wanted), f"user {_ids(status)}"),
            ("privileges", _wrong_privileges(status, wanted), "no capabilities, and no way to new privileges"),
            ("root file system", _wrong_root(seen.mounts, wanted), "read-only"),
        )
    )
    yield _stop(seen, wanted)


def _start(seen: Observed, *, asked: bool) -> Check:
    wrote = f"; it wrote: {' | '.join(seen.output)}" if seen.output else ""
    hint = "invoke images.smoke starts it without its dependencies: it has to come up and to wait for them"
    if seen.ended:
        return Check(seen.service, "starts", "failed", f"{seen.ended}{wrote}", hint)
    if seen.up_seconds is None:
        return Check(seen.service, "starts", "failed", f"no answer within {START_SECONDS:.0f} s{wrote}", hint)
    how = "answers after" if asked else "stays up without its dependencies for"
    figures = {"seconds": round(seen.up_seconds, 3)}
    return Check(seen.service, "starts", "ok", f"{how} {seen.up_seconds:.1f} s", figures=figures)


def _ids(status: Mapping[str, str]) -> str:
    return ":".join(status.get(name, "?").split()[0] for name in ("Uid", "Gid") if status.get(name))


def _wrong_user(status: Mapping[str, str], wanted: Wanted) -> str:
    if not status:
        return UNREADABLE
    ids = _ids(status)
    if ids.partition(":")[0] == "0":
        return "root"
    numbers = re.fullmatch(r"\d+(:\d+)?", wanted.user)
    return f"user {ids} in place of {wanted.user}" if numbers and not f"{ids}:".startswith(f"{wanted.user}:") else ""


def _wrong_privileges(status: Mapping[str, str], wanted: Wanted) -> str:
    if not status:
        return UNREADABLE
    wrong = []
    if int(status.get("CapBnd", "1"), 16):
        wrong.append(
            f"capabilities {status.get('CapBnd')}" + ("" if wanted.no_capabilities else ": no `cap_drop: [ALL]`")
        )
    if status.get("NoNewPrivs") != "1":
        wrong.append(
            "new privileges are possible" + ("" if wanted.no_new_privileges else ": no `no-new-privileges:true`")
        )
    return ", ".join(wrong)


def _wrong_root(mounts: str, wanted: Wanted) -> str:
    root = next((words for line in mounts.splitlines() if (words := line.split())[1:2] == ["/"]), None)
    if root is None:
        return UNREADABLE
    if "ro" in root[3].split(","):
        return ""
    return "can be written to" + ("" if wanted.read_only else ": no `read_only: true`")


def _stop(seen: Observed, wanted: Wanted) -> Check:
    figures = {"seconds": round(seen.stop_seconds, 3), "exit_code": seen.exit_code}
    hint = "it has to end by itself when it is told to, with exit code 0"
    if not seen.in_time:
        found = f"killed after {wanted.stop_seconds:g} s: it does not end on its stop signal"
        return Check(seen.service, "stops", "failed", found, hint, figures)
    found = f"after {seen.stop_seconds:.1f} s of at most {wanted.stop_seconds:g} s, exit code {seen.exit_code}"
    if seen.exit_code:
        return Check(seen.service, "stops", "failed", found, hint, figures)
    return Check(seen.service, "stops", "ok", found, figures=figures)
