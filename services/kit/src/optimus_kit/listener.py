"""The listening socket, and how to leave it without resetting anyone."""

import contextlib
import ctypes
import socket
import struct

# Connections whose handshake has begun finish it within a network round trip; this is far longer (seconds).
LAST_SYN_SECONDS = 0.1

# SO_ATTACH_FILTER of Linux <asm-generic/socket.h>; the module `socket` does not name it.
_SO_ATTACH_FILTER = 26

# Classic BPF over the TCP header: drop segments with SYN and without ACK, keep all others.
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the flags byte
    (0x54, 0, 0, 0x12),  # keep SYN and ACK of it
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
)


def bind(host: str, port: int, backlog: int) -> socket.socket:
    """Return a TCP socket listening on `host`:`port`.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # uvicorn's own responses are written header and body apart; without this the second waits for the first's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener


def refuse_new_connections(listeners: list[socket.socket]) -> bool:
    """Let no new connection begin, while those that the kernel has taken can still be accepted.

    Closing a listener resets the connections in its accept queue, whose clients may have sent their request already.
    With the first segment (SYN) of new ones dropped, the queue empties while the event loop goes on accepting; a
    client in that moment repeats its SYN a second later and is refused, which every client may retry.

    Returns:
        Whether that is so; False where the kernel knows no socket filters: then closing at once is all there is.
    """
    filtered = False
    for listener in listeners:
        with contextlib.suppress(OSError):
            _attach(listener)
            filtered = True
    return filtered


def _attach(listener: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _DROP_SYN)
    buffer = ctypes.create_string_buffer(program)
    address = struct.pack("HL", len(_DROP_SYN), ctypes.addressof(buffer))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, address)
