"""What breaks things, and keeps in mind how each is mended: a container, its network, its disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.engine.port import Engine
    from optimus_ops.redis.drill.nodes import Peer

RUN_SECONDS = 60.0


@dataclass
class Hands:
    """Breaks and mends. What mends is remembered before anything is broken, and may be done twice.

    Args:
        docker: the engine.
    """

    docker: Engine
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
        self.docker.signal(peer.container, "SIGKILL")

    def start(self, peer: Peer) -> None:
        """Start a container; nothing is done to one that runs."""
        self.docker.start(peer.container, missing_ok=False)

    def stop(self, peer: Peer, seconds: int = 30) -> None:
        """Have a container's process end in order."""
        self.on_mend(f"started {peer.name}", lambda: self.start(peer))
        self.docker.stop(peer.container, seconds=seconds)

    def restart(self, peer: Peer) -> None:
        """End a container's processes with SIGKILL and start it again at once."""
        self.kill(peer)
        self.start(peer)

    def stop_for_good(self, peer: Peer) -> None:
        """End all of a container's processes with SIGKILL, if any runs."""
        self.docker.kill(peer.container)

    def pause(self, peer: Peer) -> None:
        """Freeze all of a container's processes."""
        self.on_mend(f"let {peer.name} go on", lambda: self.docker.unpause(peer.container))
        self.docker.pause(peer.container)

    def disconnect(self, peer: Peer) -> None:
        """Take the network away by which a container is reached."""
        network, aliases = self.docker.attachment(peer.container, peer.host)
        self.on_mend(
            f"connected {peer.name} again",
            lambda: self.docker.connect_network(peer.container, network, address=peer.host, aliases=aliases),
        )
        self.docker.disconnect_network(peer.container, network)

    def pid(self, peer: Peer) -> int:
        """Return the number of a container's first process, as the host counts."""
        return self.docker.pid(peer.container)

    def run_inside(self, peer: Peer, *words: str) -> None:
        """Run a command in a container, to its end."""
        self.docker.exec(peer.container, words, seconds=RUN_SECONDS)

    def said_since(self, peer: Peer, since: float) -> str:
        """Return what a container wrote since a time of the clock, in seconds of the epoch."""
        return "\n".join(self.docker.logs(peer.container, since=since))
