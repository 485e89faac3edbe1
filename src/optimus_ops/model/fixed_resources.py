"""Fixed resources: what only one container of a service can have, so that no second replica starts beside it.

Ports on the host are not among them: whether these conflict depends on how many replicas there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ADDRESSES = ("ipv4_address", "ipv6_address", "mac_address")


def fixed_resources(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fixed resources of a service of the merged model as the files say them: `container_name shop-web`.

    Two replicas with the same hostname would both start, but answers could not be told apart.
    """
    yield from (f"{key} {raw[key]}" for key in ("container_name", "hostname", "mac_address") if raw.get(key))
    mode = str(raw.get("network_mode") or "")
    if mode == "host" or mode.startswith(("service:", "container:")):
        # They would listen on the same ports of one network.
        yield f"network_mode {mode}"
    networks = raw.get("networks")
    for name, settings in networks.items() if isinstance(networks, dict) else ():
        yield from (f"{key} {settings[key]} in {name}" for key in ADDRESSES if (settings or {}).get(key))
