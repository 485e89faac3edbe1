"""The prompts of a process as they are now: files that change are read again without a restart."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from optimus_kit.file_stamp import Stamp, file_stamp
from optimus_kit.prompts.folder import read_prompts
from optimus_kit.prompts.model import Prompt, PromptError, Rendered
from optimus_kit.prompts.template import checked, render
from optimus_kit.settings import SettingsError

VARIABLE = "PROMPTS_DIR"
LOOK_SECONDS = 1.0
log = logging.getLogger("optimus.prompts")


class PromptLibrary:
    """All prompts of a folder, looked at once a second when they are used; what can't be read changes nothing.

    Args:
        folder: of the prompts.
        clock: monotonic, in seconds.

    Raises:
        PromptError: the folder can't be used.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._looked_at = clock()
        self._stamps = self._look()
        self._prompts: Mapping[str, Prompt] = read_prompts(folder)
        self.problem: str | None = None
        """Why the files as they are now are not in use; None when they are."""

    def render(self, name: str, tenant: str, locale: str, values: Mapping[str, str]) -> Rendered:
        """Return the text of a prompt for a tenant, in a locale or what is nearest to it.

        Raises:
            PromptError: no such prompt, or the values are not those that it takes.
        """
        prompt = self._prompt(name)
        variant = prompt.variant(tenant, locale)
        text = render(variant.template, checked(prompt.variables, values), prompt.variables)
        owner = f"{variant.tenant}/" if variant.tenant else ""
        return Rendered(text, f"{name}/{owner}{variant.locale}@{variant.version}")

    def variables(self, name: str) -> Collection[str]:
        """Return the names of a prompt's variables; raise `PromptError` where there is no such prompt."""
        return self._prompt(name).variables.keys()

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "PromptLibrary | None":
        """Return the prompts of the folder that PROMPTS_DIR names; None where it names none.

        Raises:
            SettingsError: the folder can't be used.
        """
        folder = environ.get(VARIABLE, "").strip()
        try:
            return cls(Path(folder)) if folder else None
        except PromptError as error:
            raise SettingsError(f"{VARIABLE}: {error}") from None

    def _prompt(self, name: str) -> Prompt:
        self._refresh()
        if name not in self._prompts:
            raise PromptError(f"no prompt {name!r}: there are {', '.join(sorted(self._prompts)) or 'none'}")
        return self._prompts[name]

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._prompts = read_prompts(self._folder)
        except PromptError as error:
            self.problem = str(error)
            # Without a traceback: the message names the file and what is wrong with it.
            log.error("prompts are not changed, what was read before stays: %s", error)  # noqa: TRY400
        else:
            self.problem = None
            log.info("prompts are read again")

    def _look(self) -> Mapping[str, Stamp]:
        try:
            return {str(path): file_stamp(path) for path in self._folder.rglob("*") if path.suffix in {".md", ".yaml"}}
        except OSError:
            return {}
