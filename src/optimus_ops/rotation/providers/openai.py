"""OpenAI's admin API, and others of its form: keys are those of service accounts of one project.

A service account is made together with its key, whose value is shown once; deleting it revokes the key. Keys are listed
with a redacted value and `last_used_at`; there is no way to disable one.

Source: https://platform.openai.com/docs/api-reference (project service accounts, project API keys)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from optimus_ops.errors import Refused
from optimus_ops.rotation.model import Validity
from optimus_ops.rotation.providers.endpoint import Endpoint
from optimus_ops.rotation.providers.json_api import Answer, JsonApi, Unanswered
from optimus_ops.rotation.providers.provider import ReplyLost
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.value import Secret
from optimus_ops.system.output_masking import OUTPUT

PAGE, MOST_PAGES = 100, 50
REDACTED = re.compile(r"(?P<head>[^.*…•]*)[.*…•]+(?P<tail>[^.*…•]{3,})")
DONE = range(200, 300)
NOT_FOUND = 404
NO_RIGHT = frozenset({401, 403})


@dataclass(frozen=True)
class OpenAIProvider:
    """One project of an organisation.

    Args:
        admin: the admin API, as the admin key sees it.
        admin_key: name of that key, for messages.
        endpoint: where keys are used.
    """

    admin: JsonApi
    admin_key: str
    project: str
    endpoint: Endpoint

    def preflight(self, value: Secret) -> None:
        """Refuse where the admin key isn't taken, the old key isn't the project's, or can't be used."""
        try:
            found = self._key_of(value)
        except TargetFailed as error:
            raise Refused(error.message, error.hint) from None
        if found is None:
            raise Refused(
                f"the project {self.project} has no such key: it couldn't be revoked there",
                "name its project in .env.models (…_ADMIN_PROJECT), or take @rotator=assisted",
            )
        validity, reason = self.endpoint.probe(value, patient=True)
        if validity is not Validity.VALID:
            raise Refused(f"the key that is in use can't be tried: {reason}", "see to that first: nothing was changed")

    def mint(self, name: str) -> Secret:
        """Make a service account with a key."""
        try:
            answer = self.admin.call("POST", self._path("service_accounts"), {"name": name}, patient=False)
        except Unanswered as error:
            raise ReplyLost(error.message, error.hint) from None
        if answer.status not in DONE and answer.status < 500:
            raise self._failure("POST service_accounts", answer)
        value = _text(_object((answer.document or {}).get("api_key")), "value")
        # Before anything is looked at any further: whatever it is, it is not shown.
        OUTPUT.add(value)
        if answer.status not in DONE or not value or not value.isprintable() or not value.isascii() or "," in value:
            raise ReplyLost(f"the answer to POST service_accounts ({answer.status}) holds no key")
        return Secret(value)

    def probe(self, value: Secret) -> Validity:
        """Use a key."""
        return self.endpoint.probe(value)[0]

    def last_used(self, value: Secret) -> float | None:
        """Return how many seconds ago a key was last used."""
        found = self._key_of(value)
        used = (found or {}).get("last_used_at")
        at = self.admin.call("GET", f"{self._path('api_keys')}?limit=1").at
        return max(at - used, 0.0) if isinstance(used, int | float) and used > 0 and at is not None else None

    def disable(self, _value: Secret) -> bool:
        """Do nothing: the API only deletes."""
        return False

    def enable(self, _value: Secret) -> None:
        """Do nothing, likewise."""

    def revoke(self, value: Secret) -> None:
        """Delete the key, or the service account that has no other."""
        key = self._key_of(value)
        if key is None:
            return
        owner = _owner(key)
        if owner and sum(_owner(other) == owner for other in self._listed("api_keys")) == 1:
            self.revoke_orphan(owner)
        else:
            self._delete("api_keys", _text(key, "id"))

    def list_orphans(self, name: str, keep: Secret | None = None) -> Sequence[str]:
        """Return the service accounts of a name, but for that of the key `keep`."""
        named = [_text(account, "id") for account in self._listed("service_accounts") if account.get("name") == name]
        if keep is None or not named:
            return named
        owner = _owner(self._key_of(keep) or {})
        if owner not in named:
            raise TargetFailed(f"none of the service accounts {name} has the key that was minted", "try again")
        return [account for account in named if account != owner]

    def revoke_orphan(self, orphan: str) -> None:
        """Delete a service account, and so its key."""
        self._delete("service_accounts", orphan)

    def _key_of(self, value: Secret) -> Mapping[str, Any] | None:
        """Return the key of a value; None if the project has none."""
        found = [key for key in self._listed("api_keys") if _is_redaction(_text(key, "redacted_value"), value)]
        if len(found) > 1:
            raise TargetFailed(
                f"{len(found)} keys of the project {self.project} look like the one that is meant",
                "their redacted values are the same: revoke one by hand, or take @rotator=assisted",
            )
        return found[0] if found else None

    def _listed(self, what: str) -> Iterator[Mapping[str, Any]]:
        after = ""
        for _page in range(MOST_PAGES):
            query = urlencode({"limit": PAGE, **({"after": after} if after else {})})
            document = self._done("GET", f"{what}?{query}")
            items = document.get("data")
            if not isinstance(items, list):
                break
            yield from (_object(item) for item in items)
            last = _text(_object(items[-1]), "id") if items else ""
            if document.get("has_more") is False:
                return
            if not last or last == after:
                break
            after = last
        raise TargetFailed(f"the list of {what} of the project {self.project} makes no sense", "try again later")

    def _delete(self, what: str, name: str) -> None:
        answer = self.admin.call("DELETE", f"{self._path(what)}/{quote(name, safe='')}")
        if answer.status not in DONE and answer.status != NOT_FOUND:
            raise self._failure(f"DELETE {what}", answer)

    def _done(self, method: str, path: str) -> Mapping[str, Any]:
        answer = self.admin.call(method, self._path(path))
        if answer.status not in DONE or answer.document is None:
            raise self._failure(f"{method} {path.partition('?')[0]}", answer)
        return answer.document

    def _path(self, rest: str) -> str:
        return f"/organization/projects/{quote(self.project, safe='')}/{rest}"

    def _failure(self, call: str, answer: Answer) -> TargetFailed:
        if answer.status in NO_RIGHT:
            hint = f"is it an admin key that may change the project {self.project}? invoke secrets.set {self.admin_key}"
            return TargetFailed(f"{self.admin_key} is refused: {answer}", hint)
        what = f"answered {answer}" if answer.status not in DONE else "answered no JSON object"
        return TargetFailed(f"{call} of the project {self.project} {what}", "try again later: --resume")


def _is_redaction(redacted: str, value: Secret) -> bool:
    match = REDACTED.fullmatch(redacted)
    text = value.reveal()
    return bool(match) and text.startswith(match["head"]) and text.endswith(match["tail"])  # type: ignore[index]


def _owner(key: Mapping[str, Any]) -> str:
    """Return the service account that a key belongs to; "" where it is a person's."""
    return _text(_object(_object(key.get("owner")).get("service_account")), "id")


def _object(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
