"""Several prompts of one conversation: its answer's, and those that a service on the way adds."""

from collections.abc import Mapping

from optimus_kit.prompts.library import PromptLibrary
from optimus_kit.prompts.model import Rendered

BETWEEN = "+"


def render_together(
    library: PromptLibrary, names: str, tenant: str, locale: str, values: Mapping[str, str]
) -> Rendered:
    """Return the text of prompts whose names stand with `+` between them, such as `answer-message+recalled-memories`.

    Each gets those of the values that it takes. One after the first that gets nothing is left out: nothing is recalled,
    so nothing is said of memories.

    Raises:
        PromptError: as `PromptLibrary.render`.
    """
    first, *others = names.split(BETWEEN)
    given = {
        name: {each: values[each] for each in library.variables(name) if values.get(each)} for name in others
    }  # fmt: skip
    theirs = {each for name in others for each in library.variables(name)}
    parts = [library.render(first, tenant, locale, {each: values[each] for each in values.keys() - theirs})]
    parts += [library.render(name, tenant, locale, own) for name, own in given.items() if own]
    return Rendered("\n".join(part.text for part in parts), ", ".join(part.version for part in parts))
