"""What breaks things, and keeps in mind how each is mended: a container, its network, its disk."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docker.errors import APIError

from optimus_ops.engine.observe import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from optimus_ops.engine.observe import Docker
    from optimus_ops.redis.drill.nodes import Peer


@dataclass
class Hands:
    """Breaks and mends. What mends is remembered before anything is broken, and may be done twice.

    Args:
        docker: the engine.
    """

    docker: Docker
    _mends: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def on_mend(self, text: str, act: Callable[[], None]) -> None:
        """Remember how something is mended that is about to be broken."""
        self._mends.append((text, act))

    def mend(self) -> tuple[str, ...]:
        """Mend everything that is broken, the last first; return what was done, a line each."""
        done = []
        while self._mends:
            text, act = self._mends[-1]
            act()
            self._mends.pop()
            done.append(text)
        return tuple(done)

    def kill(self, peer: Peer) -> None:
        """End all of a container's processes with SIGKILL. The engine does not start it again by itself."""
        self.on_mend(f"started {peer.name}", lambda: self.start(peer))
        with asked():
            self.docker.api.kill(peer.container, signal="SIGKILL")

    def start(self, peer: Peer) -> None:
        """Start a container; nothing is done to one that runs."""
        with asked():
            self.docker.api.start(peer.container)

    def stop(self, peer: Peer, seconds: int = 30) -> None:
        """Have a container's process end in order."""
        self.on_mend(f"started {peer.name}", lambda: self.start(peer))
        with asked():
            self.docker.api.stop(peer.container, timeout=seconds)

    def restart(self, peer: Peer) -> None:
        """End a container's processes with SIGKILL and start it again at once."""
        self.on_mend(f"started {peer.name}", lambda: self.start(peer))
        with asked():
            self.docker.api.kill(peer.container, signal="SIGKILL")
        self.start(peer)

    def stop_for_good(self, peer: Peer) -> None:
        """End all of a container's processes with SIGKILL, if any runs."""
        with asked(), _unless_so_already():
            self.docker.api.kill(peer.container, signal="SIGKILL")

    def pause(self, peer: Peer) -> None:
        """Freeze all of a container's processes."""
        self.on_mend(f"let {peer.name} go on", lambda: self._unpause(peer))
        with asked():
            self.docker.api.pause(peer.container)

    def _unpause(self, peer: Peer) -> None:
        with asked(), _unless_so_already():
            self.docker.api.unpause(peer.container)

    def disconnect(self, peer: Peer) -> None:
        """Take the network away by which a container is reached."""
        with asked():
            ends: dict[str, Any] = self.docker.api.inspect_container(peer.container)["NetworkSettings"]["Networks"]
        network = next(name for name, end in ends.items() if end.get("IPAddress") == peer.host)
        aliases = ends[network].get("Aliases") or None
        self.on_mend(f"connected {peer.name} again", lambda: self._connect(peer, network, aliases))
        with asked():
            self.docker.api.disconnect_container_from_network(peer.container, network)

    def _connect(self, peer: Peer, network: str, aliases: list[str] | None) -> None:
        with asked(), _unless_so_already():
            self.docker.api.connect_container_to_network(
                peer.container, network, ipv4_address=peer.host, aliases=aliases
            )

    def pid(self, peer: Peer) -> int:
        """Return the number of a container's first process, as the host counts."""
        with asked():
            return int(self.docker.api.inspect_container(peer.container)["State"]["Pid"])

    def run_inside(self, peer: Peer, *words: str) -> None:
        """Run a command in a container, to its end."""
        with asked():
            made = self.docker.api.exec_create(peer.container, list(words))
            self.docker.api.exec_start(made["Id"])

    def said_since(self, peer: Peer, since: float) -> str:
        """Return what a container wrote since a time of the clock, in seconds of the epoch."""
        with asked():
            said: bytes = self.docker.api.logs(peer.container, stdout=True, stderr=True, since=int(since))
        return said.decode("utf-8", "replace")


@contextlib.contextmanager
def _unless_so_already() -> Iterator[None]:
    """Take a refusal as success: a container that is not paused can't be let go on, and is fine."""
    try:
        yield
    except APIError as error:
        if not error.is_client_error() and "already" not in str(error.explanation) and "not paused" not in str(error):
            raise
