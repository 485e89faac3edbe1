"""What a service's definition gives to one container only, so that a second replica can't be started beside it.

Ports on the host are not among them: whether these clash depends on how many replicas there are (`published.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ADDRESSES = ("ipv4_address", "ipv6_address", "mac_address")


def fixed_things(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what only one container can have, as it stands in the files: `container_name shop-web`.

    Two replicas with the same hostname would both start, but answers could not be told apart.

    Args:
        raw: the service in the merged model.
    """
    return tuple(_fixed(raw))


def _fixed(raw: Mapping[str, Any]) -> Iterator[str]:
    for key in ("container_name", "hostname", "mac_address"):
        if raw.get(key):
            yield f"{key} {raw[key]}"
    mode = str(raw.get("network_mode") or "")
    if mode == "host" or mode.startswith(("service:", "container:")):
        # They would listen on the same ports of one network.
        yield f"network_mode {mode}"
    networks = raw.get("networks")
    for name, settings in networks.items() if isinstance(networks, dict) else ():
        yield from (f"{key} {settings[key]} in {name}" for key in ADDRESSES if (settings or {}).get(key))
