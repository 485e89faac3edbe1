"""A newer version of memory-engine: this one's source with more steps of the schema."""

import shutil
from pathlib import Path
from textwrap import indent

CHECKOUT = Path(__file__).parents[2]
SOURCES = (CHECKOUT / "services" / "kit" / "src", CHECKOUT / "services" / "memory-engine" / "src")

STEP = '''"""{doc}."""

from alembic import op

revision = "{revision}"
down_revision = "{after}"
branch_labels = None
depends_on = None


def upgrade() -> None:
{up}


def downgrade() -> None:
{down}
'''


def newer_version(folder: Path, *steps: tuple[str, str]) -> str:
    """Write a version with more steps behind the last one; return its PYTHONPATH.

    Args:
        folder: where to.
        steps: what each step does and what takes it back, as Python.
    """
    for source in SOURCES:
        # With what is compiled: each process would do that anew.
        shutil.copytree(source, folder, dirs_exist_ok=True)
    write_steps(folder / "memory_engine" / "migrations" / "versions", *steps)
    return str(folder)


def write_steps(folder: Path, *steps: tuple[str, str]) -> None:
    """Write steps that come after those of the source into a folder, for arguments see `newer_version`."""
    after = "0001"
    for number, (up, down) in enumerate(steps, start=2):
        revision = f"{number:04}"
        text = STEP.format(
            doc=f"Step {revision}", revision=revision, after=after, up=indent(up, "    "), down=indent(down, "    ")
        )
        (folder / f"m{revision}.py").write_text(text)
        after = revision
