"""What leads out of a container: users, sockets, folders and capabilities, for all that judge containers."""

from __future__ import annotations

import re

ROOT = frozenset({"", "0", "root"})
SOCKETS = re.compile(r"(?:.*/)?(?:docker|containerd|podman|crio)\.sock")
SENSITIVE = (
    *("/", "/etc", "/root", "/home", "/boot", "/dev", "/proc", "/sys", "/var", "/var/lib", "/var/run", "/run", "/usr"),
    "/var/lib/docker",
)
EVERYWHERE = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 - what is looked for
STRONG = frozenset({"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH", "BPF", "SYS_RAWIO"})


def shares_namespace(mode: str) -> bool:
    """Tell whether a mode of a namespace is the host's, or another container's."""
    return mode == "host" or mode.startswith(("container:", "service:"))
