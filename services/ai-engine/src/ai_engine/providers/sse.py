"""Server-sent events: an incremental decoder after the WHATWG standard (HTML, 9.2.6 "Interpreting an event stream")."""

import codecs
from dataclasses import dataclass

MAX_EVENT_CHARACTERS = 4 << 20


class EventTooLarge(ValueError):  # noqa: N818 - named for what is wrong
    """An event, or a line of one, is longer than the decoder keeps."""


@dataclass(frozen=True)
class Event:
    """A dispatched event; `type` is empty where the stream names none."""

    data: str
    type: str = ""


class EventDecoder:
    """Turns bytes, cut anywhere, into events.

    Lines end at CR LF, LF or CR and nowhere else: U+2028, U+2029 and U+0085 are text. An event that the stream's end
    cuts off is discarded, as the standard says. `id` and `retry` mean nothing here: nothing reconnects.

    Args:
        max_characters: of one event, its field names included.
    """

    def __init__(self, max_characters: int = MAX_EVENT_CHARACTERS) -> None:
        # Malformed bytes become U+FFFD; "utf-8-sig" takes one leading byte order mark away.
        self._text = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._max = max_characters
        self._line: list[str] = []
        self._after_cr = False
        self._data: list[str] = []
        self._type = ""
        self._size = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that end within `chunk`.

        Raises:
            EventTooLarge: an event exceeds the bound.
        """
        text = self._text.decode(chunk)
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        # Whether a LF follows is known with the next byte only; the line ends now.
        self._after_cr = self._after_cr or text.endswith("\r")
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        found: list[Event] = []
        for line in lines:
            self._grow(len(line))
            self._line.append(line)
            whole, self._line = "".join(self._line), []
            if whole:
                self._field(whole)
            elif (event := self._dispatch()) is not None:
                found.append(event)
        self._grow(len(rest))
        if rest:
            self._line.append(rest)
        return found

    def _grow(self, characters: int) -> None:
        self._size += characters
        if self._size > self._max:
            raise EventTooLarge(f"an event of more than {self._max} characters")

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        else:
            # A comment or a field of no meaning: it takes no memory, so that pings may go on for ever.
            self._size -= len(line)

    def _dispatch(self) -> Event | None:
        data, kind = self._data, self._type
        self._data, self._type, self._size = [], "", 0
        # The standard's data buffer has a LF after each line: one empty line is data, no line is none.
        return Event("\n".join(data), kind) if data else None
