"""Why a request has no answer. No message holds a header, or the address of the server."""


class HttpError(Exception):
    """No whole answer."""


class RequestError(HttpError):
    """The request cannot be sent as it is, such as a header with a line break; nothing was sent."""


class HttpTimeout(HttpError):  # noqa: N818 - the field's name
    """A deadline has passed."""


class PoolTimeout(HttpTimeout):
    """No connection was free in time: nothing was sent, and it says nothing about the server."""


class ConnectTimeout(HttpTimeout):
    """Neither a connection nor a refusal in time; nothing was sent."""


class ReadTimeout(HttpTimeout):
    """The answer, its next byte or its end did not come in time."""


class ConnectError(HttpError):
    """No connection: not found, refused, or its certificate is not trusted; nothing was sent."""


class ReadError(HttpError):
    """The connection ended before the answer did."""


class RemoteProtocolError(HttpError):
    """What came is not HTTP/1.1, or its head is too large."""


class DecodingError(HttpError):
    """The body is not what its Content-Encoding says."""


class AnswerTooLarge(HttpError):  # noqa: N818 - named for what is wrong
    """The body is longer than the caller takes."""
