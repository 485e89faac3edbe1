"""The embedded provider: deterministic, offline; the model's name sets how long it takes.

`embedded` answers at once, `embedded/12000` after 12,000 ms (a stream spreads its tokens over that time). The reply is
a function of model and messages alone: it tells the number of user turns it has seen and echoes the last one.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable

from ai_engine.providers.base import Ask, FinishReason, Model, Piece, Reply, Turn, Usage
from ai_engine.providers.generation import Generation
from optimus_kit.errors import ApiError

NAME = "embedded"
MAX_MILLISECONDS = 120_000
MAX_ECHO = 2_000
# What would change the form of an answer, and the values that ask for nothing else than what this provider gives.
UNSUPPORTED = {
    "response_format": ({"type": "text"},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
}
TOKEN = re.compile(r"\s*\S+\s*?(?=\s|\Z)")


def milliseconds(model: str) -> int | None:
    """Return the latency that the model's name asks for, or None if the name is not one of this provider's.

    Raises:
        ApiError: 400 when the latency is not a whole number from 0 to MAX_MILLISECONDS.
    """
    if model == NAME:
        return 0
    name, separator, latency = model.partition("/")
    if name != NAME or not separator:
        return None
    if not (latency.isascii() and latency.isdigit()) or len(latency) > 6 or int(latency) > MAX_MILLISECONDS:
        message = f"embedded/<milliseconds> takes a whole number from 0 to {MAX_MILLISECONDS}."
        raise ApiError(400, message, code="invalid_model", param="model")
    return int(latency)


def tokens(text: str) -> list[str]:
    """Split text into tokens, here: words with the white space before them. Joined they are the text again."""
    found = TOKEN.findall(text)
    rest = text[sum(map(len, found)) :]
    return [*found, rest] if rest else found


def count(text: str) -> int:
    """Return the number of tokens."""
    return len(text.split())


def reply_to(ask: Ask) -> Reply:
    """Return the reply: the same for the same model and messages.

    Raises:
        ApiError: 400 for a parameter that asks for another form of answer.
    """
    for name, plain in UNSUPPORTED.items():
        if name in ask.options and ask.options[name] not in plain:
            message = f"The model {NAME!r} does not support {name!r}."
            raise ApiError(400, message, code="unsupported_parameter", param=name)
    mine = [turn.content for turn in ask.turns if turn.role == "user"]
    echo = mine[-1][:MAX_ECHO] if mine else "(nothing)"
    text, reason = _cut(f"Turn {len(mine)}. You said: {echo}", ask.max_tokens)
    return Reply(text, reason, Usage(sum(_weight(turn) for turn in ask.turns), count(text)), model=NAME)


def _cut(text: str, limit: int | None) -> tuple[str, FinishReason]:
    if limit is None or count(text) <= limit:
        return text, "stop"
    return "".join(tokens(text)[:limit]), "length"


def _weight(turn: Turn) -> int:
    # One more than the words, for the role, as tokenizers of chat models have it.
    return count(turn.content) + 1


class Embedded:
    """The provider; see the module.

    Args:
        sleep: waits for so many seconds.
    """

    name = NAME

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep

    def models(self) -> tuple[Model, ...]:
        """Return the one model; with a latency in its name it is the same model."""
        return (Model(NAME, "optimus"),)

    def serves(self, model: str) -> bool:
        """Tell whether it is `embedded` or `embedded/<milliseconds>`."""
        return milliseconds(model) is not None

    def immediate(self, model: str) -> bool:
        """Tell whether there is no latency."""
        return not milliseconds(model)

    async def complete(self, ask: Ask) -> Reply:
        """Return the reply after the latency."""
        with Generation(NAME, NAME, ask) as generation:
            reply = reply_to(ask)
            latency = milliseconds(ask.model)
            if latency:
                await self._sleep(latency / 1000)
            generation.answered(reply)
            return reply

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """Yield the reply token by token, spread evenly over the latency."""
        with Generation(NAME, NAME, ask, streamed=True) as generation:
            reply = reply_to(ask)
            parts = tokens(reply.text)
            pause = (milliseconds(ask.model) or 0) / 1000 / max(1, len(parts))
            yield Piece()
            for part in parts:
                await self._sleep(pause)
                piece = Piece(part)
                generation.piece(piece)
                yield piece
            last = Piece(finish_reason=reply.finish_reason, usage=reply.usage, model=reply.model)
            generation.piece(last)
            yield last

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""
