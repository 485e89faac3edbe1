"""Recall: what memory-engine remembers about the question, put before the model as a system message."""

import logging
from dataclasses import dataclass
from typing import Any, Literal

from ai_engine.memory_prompt import Told, memories_alone
from ai_engine.providers import strict_json
from ai_engine.providers.base import Turn
from ai_engine.providers.strict_json import well_formed
from optimus_kit.errors import ApiError
from optimus_kit.http_client import HttpClient, HttpError, Timeouts
from optimus_kit.prompts import PromptError
from optimus_kit.shares import Shares
from optimus_kit.weights import Weights

SECONDS = 2.0
TIMEOUTS = Timeouts(connect=SECONDS, read=SECONDS, total=SECONDS)
CONNECTIONS = 64
# Of the provider `embedded`, a question and what answers it mostly score 0.17 to 0.9, unrelated sentences 0.01 in the
# median and at most 0.10 in 95 of 100 cases; models score unrelated texts higher, so they may want a higher floor.
MIN_SCORE = 0.15
LIMIT = 5
MAX_QUERY = 2_000
MAX_TEXT = 2_000

log = logging.getLogger("ai_engine.recall")


@dataclass(frozen=True)
class Recalled:
    """What came of it.

    Attributes:
        state: goes into the header X-Recall.
        turn: the system message, where there is one.
        version: of the prompt that it is made of.
    """

    state: Literal["used", "empty", "unavailable"]
    turn: Turn | None = None
    version: str = ""


class Recall:
    """Asks memory-engine on the tenant's behalf.

    Args:
        base_url: of memory-engine; empty when there is none.
        client: closed with this.
        told: what the model is told of memories.
        min_score: cosine similarity below which a memory has nothing to do with the question.
        shares: places for requests under way; by default one tenant has all.
    """

    def __init__(
        self,
        base_url: str,
        client: HttpClient,
        told: Told = memories_alone,
        *,
        min_score: float = MIN_SCORE,
        shares: Shares | None = None,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/memories/search" if base_url else ""
        self._client = client
        self._told = told
        self._min_score = min_score
        self._shares = shares or Shares(CONNECTIONS, Weights, SECONDS)

    async def recall(self, turns: tuple[Turn, ...], authorization: str, request_id: str, tenant: str = "") -> Recalled:
        """Return what is remembered about the last user message. Never raises: the answer comes without memory."""
        query = next((turn.content for turn in reversed(turns) if turn.role == "user"), "").strip()[:MAX_QUERY]
        if not self._url or not query:
            return Recalled("empty" if self._url else "unavailable")
        try:
            async with self._shares.place(tenant):
                response = await self._client.post(
                    self._url,
                    json={"query": query, "limit": LIMIT},
                    headers={"Authorization": authorization, "X-Request-Id": request_id},
                    timeouts=TIMEOUTS,
                )
            response.raise_for_status()
            texts = memories(strict_json.parse(response.content), self._min_score)
        except (HttpError, ValueError, TypeError, ApiError) as error:
            log.warning("recall failed: %s", type(error).__name__)
            return Recalled("unavailable")
        return self._recalled(texts, tenant) if texts else Recalled("empty")

    def _recalled(self, texts: tuple[str, ...], tenant: str) -> Recalled:
        try:
            told = self._told(texts, tenant)
        except PromptError as error:
            log.error("memories can't be told: %s", error)  # noqa: TRY400 - the message names what is wrong
            return Recalled("unavailable")
        return Recalled("used", Turn("system", told.text), told.version)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def memories(document: Any, min_score: float) -> tuple[str, ...]:
    """Read the texts of at least `min_score` in memory-engine's `{"results": [{"id", "text", "score", "metadata"}]}`.

    Raises:
        TypeError: it is another answer.
    """
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list):
        raise TypeError("no list of results")
    texts = (_text(entry, min_score) for entry in results)
    return tuple(text for text in texts if text)


def _text(entry: Any, min_score: float) -> str:
    text, score = (entry.get("text"), entry.get("score")) if isinstance(entry, dict) else (None, None)
    if not isinstance(text, str) or not isinstance(score, (int, float)):
        raise TypeError("a result has no text or no score")
    return well_formed(text.strip()[:MAX_TEXT]) if score >= min_score else ""
