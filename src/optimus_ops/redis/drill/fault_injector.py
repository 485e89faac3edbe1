"""Fault injection into containers; every fault registers its cleanup first."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimus_ops.change.undo_stack import UndoStack
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.redis.drill.group import RedisNode

STOP_SECONDS = 30.0


@dataclass
class FaultInjector:
    """Breaks containers, and knows how each is repaired.

    A cleanup may run twice. It counts only once the container's state shows that it worked: whatever an engine answers
    to a request (a container that "is already so" among it) proves nothing.
    """

    engine: Engine
    project: str
    cleanups: UndoStack = field(default_factory=UndoStack)

    def heal(self) -> tuple[str, ...]:
        """Clean up everything, the last fault first; return what was done. A cleanup that fails stays registered."""
        return self.cleanups.unwind()

    def kill(self, node: RedisNode) -> None:
        """Kill all of a container's processes. The engine does not start it again by itself."""
        self.cleanups.push(f"started {node.name}", lambda: self.start(node))
        self.engine.kill(node.container)

    def stop(self, node: RedisNode) -> None:
        """Stop a container in order."""
        self.cleanups.push(f"started {node.name}", lambda: self.start(node))
        self.engine.stop(node.container, seconds=STOP_SECONDS)

    def restart(self, node: RedisNode) -> None:
        """Kill all of a container's processes and start it again at once."""
        self.kill(node)
        self.engine.start(node.container, missing_ok=False)

    def start(self, node: RedisNode) -> None:
        """Start a container; nothing is done to one that runs."""
        self.engine.start(node.container, missing_ok=False)
        self._verify_running(node)

    def pause(self, node: RedisNode) -> None:
        """Freeze a container."""
        self.cleanups.push(f"resumed {node.name}", lambda: self.resume(node))
        self.engine.pause(node.container)

    def resume(self, node: RedisNode) -> None:
        """Let a frozen container go on."""
        self.engine.unpause(node.container)
        self._verify_running(node)

    def disconnect(self, node: RedisNode) -> None:
        """Disconnect a container from the network by which it is reached."""
        network, aliases = self.engine.attachment(node.container, node.host)
        self.cleanups.push(f"connected {node.name} again", lambda: self.connect(node, network, aliases))
        self.engine.disconnect_network(node.container, network)

    def connect(self, node: RedisNode, network: str, aliases: tuple[str, ...]) -> None:
        """Connect a container to its network again, at its own address."""
        self.engine.connect_network(node.container, network, address=node.host, aliases=aliases)
        found, _aliases = self.engine.attachment(node.container, node.host)
        if found != network:
            raise OpsError(f"{node.name} is connected to {found}, not to {network}")

    def status(self, node: RedisNode) -> str:
        """Return the engine's word for the state of a container."""
        replicas = self.engine.observe(self.project, {node.name}).replicas
        return next((replica.status for replica in replicas if replica.id == node.container), "missing")

    def _verify_running(self, node: RedisNode) -> None:
        if (status := self.status(node)) != "running":
            raise OpsError(f"{node.name} does not run again: its container is {status}")
