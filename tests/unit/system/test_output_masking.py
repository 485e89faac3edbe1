"""What this process knows to be secret, and the documents that it masks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from optimus_ops.system import output_masking
from optimus_ops.system.masking import REDACTED
from optimus_ops.system.output_masking import OutputMasking, masked, masked_document


@dataclass
class Files:
    """A source whose values change."""

    known: list[str] = field(default_factory=list)
    reads: int = 0

    def version(self) -> int:
        """Return how many values there are."""
        return len(self.known)

    def values(self) -> list[str]:
        """Return the values."""
        self.reads += 1
        return list(self.known)


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> OutputMasking:
    """Give the process a masking of its own."""
    made = OutputMasking()
    monkeypatch.setattr(output_masking, "OUTPUT", made)
    return made


def test_nothing_is_read_before_a_task_runs_and_then_once(output: OutputMasking) -> None:
    files = Files(["canary-value"])
    output.install(lambda: files)
    assert masked("canary-value") == "canary-value"
    assert files.reads == 0
    output.start()
    assert [masked("canary-value"), masked("canary-value")] == [REDACTED, REDACTED]
    assert files.reads == 1


def test_values_that_come_later_are_masked_and_former_ones_stay_so(output: OutputMasking) -> None:
    files = Files(["canary-value"])
    output.install(lambda: files)
    output.start()
    assert masked("canary-value other-canary") == f"{REDACTED} other-canary"
    files.known[:] = ["other-canary", "third-canary"]
    output.look_again()
    output.add("minted-canary\nits-second-line")
    text = "canary-value other-canary minted-canary its-second-line"
    assert masked(text) == " ".join([REDACTED] * 4)


@dataclass(frozen=True)
class Row:
    """A value of a report."""

    name: str
    cells: tuple[str, ...]
    size: int = 3


def test_documents_are_masked_value_by_value(output: OutputMasking) -> None:
    output.add('can"ary-value', "1234567890")
    document = {'can"ary-value': [1234567890, 12, True, None, 1.5, ("x", 'a can"ary-value b')]}
    assert masked_document(document) == {REDACTED: [REDACTED, 12, True, None, 1.5, ("x", f"a {REDACTED} b")]}
    row = Row("x", ("y", 'can"ary-value'))
    assert masked_document(row) == Row("x", ("y", REDACTED))
    assert masked_document(Row("x", ())) == Row("x", ())
