"""Stand-ins for public images where no registry answers."""

from __future__ import annotations

import fcntl
import os
import platform
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.engine.process import run
from optimus_ops.errors import MachineLacks, Refused
from optimus_ops.images import rootfs, trust
from optimus_ops.images.apt_host import read_apt_host
from optimus_ops.images.env_file import read_block, write_block
from optimus_ops.images.failures import explained
from optimus_ops.images.local import labels_of
from optimus_ops.images.log import Log, new_log
from optimus_ops.images.sources import LABEL, content_hash
from optimus_ops.images.standins import NEWER_SUITE, ROOT_IMAGE, StandIn, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from optimus_ops.images.apt_host import AptHost

BUILD_SECONDS = 900.0
TOGETHER = 2


def ensure_bases(
    project_root: Path, needed: Iterable[str], report: Callable[[str], None], *, refresh: bool = False
) -> Mapping[str, str]:
    """Make the stand-ins for public images, and name them in `compose/.env`; what is current is left alone.

    Args:
        project_root: the checkout.
        needed: names of the public images (or of stand-ins themselves).
        report: told what is under way, in a few words.
        refresh: whether everything is made anew, with the packages of today.

    Returns:
        variable of the Compose files -> stand-in, for those that were needed.

    Raises:
        MachineLacks: an image has no stand-in, or the tool to make one is missing.
        Refused: another run is at it.
        OpsError: a build failed; nothing carries the name of a stand-in that is not complete.
    """
    stand_ins, without = split(needed)
    if without:
        raise MachineLacks(
            f"no image registry answers, and there is no stand-in for {', '.join(without)}",
            "load it from a file: docker load -i IMAGE.tar",
        )
    variables = {stand_in.variable: stand_in.image for stand_in in stand_ins}
    with _alone(project_root / ".optimus"):
        log = Log(new_log(project_root / ".optimus" / "logs", "images"), report)
        wanted = {s: wanted_hash(project_root, s) for s in stand_ins}
        stale = [s for s in stand_ins if refresh or labels_of(s.image).get(LABEL) != wanted[s]]
        if stale:
            _make(project_root, stale, wanted, log, refresh=refresh)
        env_file = project_root / "compose" / ".env"
        with explained(f"{env_file.parent.name}/{env_file.name}", log.path):
            present = read_block(env_file.read_text("utf-8")) if env_file.exists() else {}
            write_block(env_file, {**present, **variables})
    report(_summary(stand_ins, stale))
    return variables


def wanted_hash(project_root: Path, stand_in: StandIn) -> str:
    """Return the content hash of what a stand-in is made of: its folder and the recipe of the root file system."""
    facts = (*rootfs.RECIPE, NEWER_SUITE if stand_in.newer else "", platform.machine())
    return content_hash(project_root, [_folder(project_root, stand_in)], facts)


def _folder(project_root: Path, stand_in: StandIn) -> Path:
    return project_root / "compose" / "airgap" / stand_in.folder


def _make(project_root: Path, stale: list[StandIn], wanted: Mapping[StandIn, str], log: Log, *, refresh: bool) -> None:
    host = read_apt_host()
    root_hash = content_hash(project_root, [], (*rootfs.RECIPE, platform.machine()))
    if refresh or labels_of(ROOT_IMAGE).get(LABEL) != root_hash:
        with explained(ROOT_IMAGE, log.path):
            rootfs.make_root_image(host, root_hash, log.report, log.line)
    under_way = UnderWay(len(stale), log.report)

    def make_one(stand_in: StandIn) -> None:
        with explained(stand_in.image, log.path), under_way.showing(stand_in.folder):
            build_stand_in(project_root, stand_in, host, wanted[stand_in], log, refresh=refresh)

    with ThreadPoolExecutor(max_workers=TOGETHER) as executor:
        builds = [executor.submit(make_one, stand_in) for stand_in in stale]
        try:
            for build in builds:
                build.result()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


@dataclass(frozen=True)
class UnderWay:
    """Tells which of several builds are under way: "1/4 made; postgres, nginx"."""

    total: int
    report: Callable[[str], None]
    running: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    @contextmanager
    def showing(self, name: str) -> Iterator[None]:
        """Show a build while it runs."""
        self.running.append(name)
        self._tell()
        try:
            yield
            self.made.append(name)
        finally:
            self.running.remove(name)
            self._tell()

    def _tell(self) -> None:
        self.report(f"{len(self.made)}/{self.total} made{'; ' if self.running else ''}{', '.join(self.running)}")


def build_stand_in(
    project_root: Path, stand_in: StandIn, host: AptHost, source: str, log: Log, *, refresh: bool = False
) -> None:
    """Build one stand-in; its name goes to the finished image at the end.

    Raises:
        CommandFailed: the build failed.
    """
    contents = host.secrets(newer=stand_in.newer)
    bundle = trust.choose_ca_bundle(os.environ, lambda path: Path(path).is_file())
    with tempfile.TemporaryDirectory(prefix="optimus-secrets-") as folder:
        secrets: list[str] = []
        for name, content in contents.items():
            path = Path(folder) / name
            path.touch(mode=0o600)
            path.write_bytes(content)
            secrets += ["--secret", f"id={name},src={path}"] if content else []
        if bundle is not None:
            secrets += ["--secret", f"id=ca_bundle,src={bundle}"]
        proxies = [word for name in trust.proxies(os.environ) for word in ("--build-arg", name)]
        run(
            [
                *("docker", "buildx", "build", "--progress=plain", "--load", "--provenance=false"),
                *("--label", f"{LABEL}={source}", "--tag", stand_in.image, *(["--no-cache"] if refresh else [])),
                *(*secrets, *proxies, str(_folder(project_root, stand_in))),
            ],
            deadline=BUILD_SECONDS,
            on_line=log.line,
        )


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    with (state / "images.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("another run is making images", "wait until it is done") from None
        yield


def _summary(stand_ins: tuple[StandIn, ...], stale: list[StandIn]) -> str:
    if not stale:
        return f"{len(stand_ins)} stand-ins are current"
    text = f"{len(stale)} stand-ins made"
    if any(stand_in.newer for stand_in in stale):
        text += f"; nginx is from Debian's testing release ({NEWER_SUITE}), whose Release file may have expired"
    return text
