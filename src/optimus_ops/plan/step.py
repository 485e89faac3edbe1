"""Plans and steps: what a change does, as values; `@step` makes a kind of step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from string import Formatter
from typing import Any, ClassVar, TypeVar, dataclass_transform

from optimus_ops.model.state import short_id
from optimus_ops.plan.cause import Cause

JSON_KEYS = {"containers": "victims"}
"""Field -> key, where journals and scripts know another name."""
NOT_OWN = frozenset({"cause", "batch", "leaving"})
"""Fields that stand elsewhere in the JSON of a step, or, as those of the executor alone, not in it."""


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """A container that a step stops, removes or restarts: its name and its full id."""

    name: str
    container: str

    def __str__(self) -> str:
        """Return the name, as texts of steps show it."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of a plan, and why it is done.

    `batch` is the one that it belongs to ("ai-engine, batch 1 of 4"); "" for none.
    """

    kind: ClassVar[str] = ""
    final: ClassVar[bool] = False
    """Whether it can't be undone half-way: a signal that arrives meanwhile waits for its end."""
    template: ClassVar[str] = ""
    cause: Cause
    batch: str = ""

    @property
    def text(self) -> str:
        """What is done, in a few words."""
        return self.template.format_map(_Values(self))

    def as_json(self) -> dict[str, Any]:
        """Return the step as a JSON object: its kind, its text, its cause and its own fields."""
        own = {JSON_KEYS.get(key, key): value for key, value in asdict(self).items() if key not in NOT_OWN}
        return {"step": self.kind, "text": self.text, "cause": str(self.cause), "part": self.batch, **own}


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a step that its text can show."""

    step: Step

    def __getitem__(self, name: str) -> object:
        value = getattr(self.step, name)
        return _Listed(value) if isinstance(value, tuple) else value


class _Listed(tuple[Any, ...]):
    """The items of a tuple, joined by commas."""

    __slots__ = ()
    ITEMS: ClassVar[dict[str, Callable[[Any], str]]] = {
        "": str,
        "count": lambda pair: pair[0] if pair[1] == 1 else f"{pair[0]}={pair[1]}",
        "pair": lambda pair: f"{pair[0]}={pair[1]}",
        "id": short_id,
    }

    def __format__(self, spec: str) -> str:
        """Return the items as text; `{counts:count}` says how."""
        return ", ".join(map(self.ITEMS[spec], self))


S = TypeVar("S", bound=Step)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def step(kind: str, text: str, *, final: bool = False) -> Callable[[type[S]], type[S]]:
    """Make a subclass of `Step` a frozen, slotted, keyword-only dataclass with its kind and text.

    @step("reload", "reload {service}") class Reload(Step): service: str

    The kind is what JSON and journals call it; the text is a format string over fields and properties, tuples joined by
    commas. A final step can't be undone half-way.
    """

    def decorate(cls: type[S]) -> type[S]:
        cls.kind, cls.template, cls.final = kind, text, final
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        used = {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}
        if unknown := {name for name in used if not hasattr(made, name)}:
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}: {text!r}")
        return made

    return decorate


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done for a purpose ("scale"), in order. Empty: there is nothing to do.

    Notes say what is not as it should be and stays so, a sentence each with what to do about it.
    """

    project: str
    purpose: str
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    def noting(self, notes: Iterable[str]) -> Plan:
        """Return the plan with further notes."""
        return replace(self, notes=tuple(dict.fromkeys([*self.notes, *notes])))

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.steps)
