"""What the model is told of a message: the prompt of the tenant, in its language, with the facts as data."""

from collections.abc import Callable
from dataclasses import dataclass

from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.retry import TransientError
from optimus_kit.prompts import PromptError, PromptLibrary, Rendered
from optimus_kit.prompts.model import MAX_DATA
from optimus_kit.tenancy import Tenant
from optimus_kit.tracing import current_span

PROMPT = "answer-message"


@dataclass(frozen=True)
class PromptInstructions:
    """Renders the prompt.

    Attributes:
        prompts: all prompts.
        tenant: returns a tenant by its name, or None.
    """

    prompts: PromptLibrary
    tenant: Callable[[str], Tenant | None]

    def __call__(self, message: InboundMessage, facts: str) -> Rendered:
        """Return what the model is told.

        Raises:
            TransientError: the prompt can't be rendered; it may have been mended by the next attempt.
        """
        tenant = self.tenant(message.tenant)
        company, locale = (tenant.display_name, tenant.locale) if tenant else (message.tenant, "")
        # Of very long records the last fields are missing: better than no answer.
        values = {"company": company, "facts": facts[:MAX_DATA]}
        try:
            rendered = self.prompts.render(PROMPT, message.tenant, locale, values)
        except PromptError as error:
            raise TransientError(f"prompt: {error}") from error
        current_span().set("optimus.prompt.version", rendered.version)
        return rendered
