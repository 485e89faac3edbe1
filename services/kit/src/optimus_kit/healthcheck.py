"""A container's HEALTHCHECK: `python -S -E -m optimus_kit.healthcheck` asks /health and ends with 0 or 1.

Imports as little as it can: it runs every few seconds in every container.
"""

import os
import socket
import sys

SECONDS = 3.0


def healthy(port: int, seconds: float = SECONDS) -> bool:
    """Return whether http://127.0.0.1:`port`/health answers 200 within `seconds`."""
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            connection.sendall(request)
            answer = connection.recv(64)
    except OSError:
        return False
    return answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 "))


def main() -> int:
    """Return the exit code."""
    port = os.environ.get("PORT", "")
    if not port.isdigit():
        print("healthcheck: PORT is not set", file=sys.stderr)
        return 1
    return 0 if healthy(int(port)) else 1


if __name__ == "__main__":
    sys.exit(main())
