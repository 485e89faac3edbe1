"""The listening socket, and how to leave it without resetting anyone."""

import contextlib
import socket
import struct

# Connections whose handshake has begun finish it within a network round trip; this is far longer (seconds).
LAST_SYN_SECONDS = 0.1

# Linux <linux/in.h>, <linux/in6.h>; the module `socket` does not name them. Only a direct neighbour that sends with the
# highest hop limit, 255, would be heard; nobody does so unasked (RFC 5082).
_IP_MINTTL = 21
_IPV6_MINHOPCOUNT = 73
_NOBODY = 255
_ANYBODY = 0

# Where <linux/tcp.h> has `tcpi_unacked`; of a listening socket it is the length of its accept queue.
_TCP_INFO_BYTES = 104
_UNACKED_OFFSET = 24


def bind(host: str, port: int) -> socket.socket:
    """Return a TCP socket that has `host`:`port`, and does not listen yet: the server does, once it can serve.

    Until then connections are refused, which the balancer takes elsewhere; the kernel would accept them, and their
    requests would wait until the service has started.

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
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener


def refuse_new_connections(listeners: list[socket.socket]) -> bool:
    """Let no new connection begin, while those that the kernel has taken can still be accepted.

    Closing a listener resets the connections in its accept queue, whose clients may have sent their request already.
    With the packets of new ones ignored (by a distance that none can have, which takes no privilege), the queue empties
    while the event loop goes on accepting; a client in that moment gets no answer, and may try elsewhere: it has sent
    nothing yet.

    Returns:
        Whether that is so; False where the kernel can't: then closing at once is all there is.
    """
    refused = False
    for listener in listeners:
        with contextlib.suppress(OSError):
            _admit(listener, _NOBODY)
            refused = True
    return refused


def is_queue_empty(listeners: list[socket.socket]) -> bool:
    """Tell whether every connection that the kernel has taken was accepted."""
    return not any(_queue_length(listener) for listener in listeners)


def hear_again(connection: socket.socket) -> bool:
    """Undo on a connection what it inherited if its handshake ended after `refuse_new_connections`.

    Returns:
        Whether it had inherited it: its client's first packets were ignored, and come again within a moment.
    """
    with contextlib.suppress(OSError):
        level, option = _option(connection)
        if connection.getsockopt(level, option) == _NOBODY:
            _admit(connection, _ANYBODY)
            return True
    return False


def _admit(sock: socket.socket, least: int) -> None:
    level, option = _option(sock)
    sock.setsockopt(level, option, least)


def _option(sock: socket.socket) -> tuple[int, int]:
    if sock.family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT
    return socket.IPPROTO_IP, _IP_MINTTL


def _queue_length(listener: socket.socket) -> int:
    with contextlib.suppress(OSError, struct.error):
        facts = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        return int(struct.unpack_from("=I", facts, _UNACKED_OFFSET)[0])
    return 0
