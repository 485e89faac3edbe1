"""Prompts as files: templates with typed variables, in variants by tenant and locale, each known by a version.

A folder for each prompt: `prompt.yaml` says what it is for and which variables it takes, `<locale>.md` is its text,
`<tenant>/<locale>.md` that of one tenant.
"""

from optimus_kit.prompts.library import PromptLibrary
from optimus_kit.prompts.model import PromptError, Rendered

__all__ = ["PromptError", "PromptLibrary", "Rendered"]
