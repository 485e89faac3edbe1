"""Trying a key at the OpenAI-compatible endpoint that services use it at."""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.rotation.model import Validity
from optimus_ops.rotation.providers.json_api import Answer, JsonApi, Unanswered
from optimus_ops.secrets.value import Secret
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

DONE = range(200, 300)
REFUSED = frozenset({401, 403})
BAD_REQUEST = 400
LIMITS = ("max_tokens", "max_completion_tokens")
"""The same bound, as most endpoints and as newer models call it."""


@dataclass(frozen=True)
class Endpoint:
    """Where keys are used.

    Args:
        model: what the smallest call is made to; "": the list of models is all that is asked for.
    """

    base: str
    model: str = ""
    clock: Clock = SYSTEM_CLOCK
    seconds: float = 15.0

    def probe(self, value: Secret, *, patient: bool = False) -> tuple[Validity, str]:
        """List the models, then ask one for a single token; return what that says of a key, and the answer in words.

        With `patient`, what fails for a moment is asked again.
        """
        api = JsonApi(self.base, value, self.clock, self.seconds)
        try:
            listed = api.call("GET", "/models", patient=patient)
            found = _validity(listed)
            if found is not Validity.VALID or not self.model:
                return found, f"GET /models: {listed}"
            return self._ask(api, patient=patient)
        except Unanswered as error:
            return Validity.UNKNOWN, error.message

    def _ask(self, api: JsonApi, *, patient: bool) -> tuple[Validity, str]:
        body = {"model": self.model, "messages": [{"role": "user", "content": "1"}]}
        for limit in LIMITS:
            answer = api.call("POST", "/chat/completions", {**body, limit: 1}, patient=patient)
            if answer.status != BAD_REQUEST:
                break
        return _validity(answer), f"POST /chat/completions with {self.model}: {answer}"


def _validity(answer: Answer) -> Validity:
    if answer.status in REFUSED:
        return Validity.INVALID
    # What redirects, or answers something else than JSON, is not the API.
    valid = answer.status in DONE and answer.document is not None
    return Validity.VALID if valid else Validity.UNKNOWN
