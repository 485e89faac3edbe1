"""What the model is told of memories: the prompt for them, in the tenant's language, with the memories as data."""

from collections.abc import Callable
from dataclasses import dataclass

from optimus_kit.prompts import PromptLibrary, Rendered
from optimus_kit.tenancy import Tenant

PROMPT = "recalled-memories"

Told = Callable[[tuple[str, ...], str], Rendered]
"""The system message for some memories of a tenant; raises `PromptError` where it can't be made."""


def memories_alone(texts: tuple[str, ...], _tenant: str) -> Rendered:
    """Return the memories, with no words around them and no version."""
    return Rendered(_lines(texts), "")


@dataclass(frozen=True)
class MemoryPrompt:
    """Renders the prompt.

    Attributes:
        prompts: all prompts.
        tenant: returns a tenant by its name, or None.
    """

    prompts: PromptLibrary
    tenant: Callable[[str], Tenant | None]

    def __call__(self, texts: tuple[str, ...], tenant: str) -> Rendered:
        """Return what the model is told.

        Raises:
            PromptError: there is no such prompt, or it takes something else.
        """
        found = self.tenant(tenant)
        return self.prompts.render(PROMPT, tenant, found.locale if found else "", {"memories": _lines(texts)})


def _lines(texts: tuple[str, ...]) -> str:
    # A line each: a memory of several lines would pass for several memories.
    return "\n".join(f"- {' '.join(text.split())}" for text in texts)
