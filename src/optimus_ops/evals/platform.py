"""What a project evaluates: a module that the project names.

    [tool.optimus-ops]
    evals = "acme_ops.evals"

Its function `load_platform(root, secrets)` returns an `EvalPlatform`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.project.named_functions import named_function
from optimus_ops.project.settings import Project
from optimus_ops.secrets.operator import operator_secrets
from optimus_ops.secrets.value import Secret

PAGE = "docs/llm-eval.md"
TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True)
class ModelEndpoint:
    """An OpenAI-compatible endpoint and the model to ask it for.

    Args:
        url: up to and with `/v1`; "" where a program is started.
        keys: what is sent as Bearer, by tenant; "" is for cases without a tenant, and for tenants without their own.
        program: started for the run on the port that `{port}` stands for, on this machine alone.
        prices: US dollars for a million tokens, read and written; None where they are not known.
        deterministic: whether the same request has the same answer each time.
        recording: file with answers of this endpoint: it is read, and nothing is asked.
    """

    model: str
    url: str = ""
    keys: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    program: tuple[str, ...] = ()
    prices: tuple[float, float] | None = None
    deterministic: bool = False
    recording: Path | None = None

    @property
    def identity(self) -> str:
        """What tells it from other endpoints, whatever port a program of it has."""
        return self.url or " ".join(self.program)

    def key(self, tenant: str) -> Secret | None:
        """Return the key for a tenant's cases."""
        return self.keys.get(tenant) or self.keys.get("")

    def cost(self, read: int, written: int) -> float | None:
        """Return what so many tokens cost, in US dollars; None where prices are not known."""
        if self.prices is None:
            return None
        return (self.prices[0] * read + self.prices[1] * written) / TOKENS_PER_PRICE


@dataclass(frozen=True)
class EvalPlatform:
    """What a project evaluates, and with what.

    Args:
        suites: folder of the suites.
        prompts: folder of the prompts, in the checkout.
        renderer: program that renders prompts of the folder that is its last argument: a JSON document a line.
        models: endpoints by the name that `--model` takes; the first is the default.
        judge: the model that judges by rubrics; None for no such judge.
        embed: returns the embedding of a text; None for no such assertions.
        private_names: names that cases from production may not have, such as those of tenants.
    """

    suites: Path
    prompts: Path
    renderer: tuple[str, ...]
    models: Mapping[str, ModelEndpoint]
    judge: ModelEndpoint | None = None
    embed: Callable[[str], Sequence[float]] | None = None
    private_names: tuple[str, ...] = ()

    def endpoint(self, name: str) -> ModelEndpoint:
        """Return a model's endpoint; "" is the default. Raises Refused where there is none."""
        chosen = name or next(iter(self.models))
        if chosen not in self.models:
            raise Refused(f"--model {chosen}: no such model", f"there are {', '.join(self.models)}")
        return self.models[chosen]


def load_platform(project: Project) -> EvalPlatform:
    """Return what the project evaluates.

    Raises:
        Refused: it names no module.
    """
    if not project.evals:
        raise Refused("this project has no evaluations", f"[tool.optimus-ops] evals names their module: {PAGE}")
    make = named_function("evals", project.evals, "load_platform", PAGE)
    found: EvalPlatform = make(project.root, operator_secrets(project))
    return found
