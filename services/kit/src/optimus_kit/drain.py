"""Whether this process is on its way out, and how much it still has in hand."""

import time
from dataclasses import dataclass, field


@dataclass
class Drain:
    """State shared by the server (which begins the drain) and the application (which tells the world).

    Attributes:
        draining: the process was told to stop; it still serves, but wants no new work.
        ready: start-up is over.
        inflight: requests and WebSockets being served now.
    """

    draining: bool = False
    ready: bool = False
    inflight: int = 0
    started_at: float = field(default_factory=time.time)

    def begin(self) -> None:
        """Start to drain. Calling it again changes nothing."""
        self.draining = True
