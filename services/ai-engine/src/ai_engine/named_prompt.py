"""Prompts that a client names rather than sends: `{"prompt": {"id": "classify-message", "variables": {…}}}`."""

from dataclasses import dataclass

from ai_engine.providers.base import Turn
from ai_engine.schema import PromptCall
from optimus_kit.errors import ApiError
from optimus_kit.prompts import PromptError, PromptLibrary, Rendered
from optimus_kit.tenancy import Tenant


@dataclass(frozen=True)
class NamedPrompts:
    """Renders them.

    Attributes:
        prompts: all prompts; None where there are none.
    """

    prompts: PromptLibrary | None = None

    def render(self, call: PromptCall, tenant: Tenant) -> Rendered:
        """Return the text, the tenant's own first, in its language if the call names none.

        Raises:
            ApiError: 400, there is no such prompt, or the variables are not those that it takes.
        """
        if self.prompts is None:
            raise _refused("there are no prompts here")
        try:
            return self.prompts.render(call.id, tenant.name, call.locale or tenant.locale, call.variables)
        except PromptError as error:
            raise _refused(str(error)) from None


def with_instructions(text: str, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return the messages with a system message before them."""
    return (Turn("system", text), *turns)


def _refused(why: str) -> ApiError:
    return ApiError(400, f"prompt: {why}", code="invalid_prompt", param="prompt")
