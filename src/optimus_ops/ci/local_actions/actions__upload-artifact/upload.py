"""Copies the files of an artifact into the folder of the run's artifacts."""

import os
import shutil
import sys
from glob import glob
from pathlib import Path

ILLEGAL = frozenset('"/\\<>|*?:\r\n')


def matching(patterns: list[str]) -> list[Path]:
    """Return the files of patterns, those of folders included; a pattern with `!` in front takes files out."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        paths = [Path(text) for text in glob(pattern.removeprefix("!"), recursive=True)]  # noqa: PTH207 - takes absolute patterns too
        files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
        for file in files:
            found.pop(file.resolve(), None)
            if not pattern.startswith("!"):
                found[file.resolve()] = None
    return list(found)


def main() -> int:
    """Copy the files, below the deepest folder that they share."""
    name = os.environ["NAME"]
    if not name or ILLEGAL & set(name) or name in {".", ".."}:
        print(f"::error::bad artifact name {name!r}")
        return 1
    target = Path(os.environ["OPTIMUS_CI_ARTIFACTS"]) / name
    files = matching([line.strip() for line in os.environ["PATHS"].splitlines() if line.strip()])
    if not files:
        level = {"error": "error", "ignore": "debug"}.get(os.environ["MISSING"], "warning")
        print(f"::{level}::no files for artifact {name}")
        return int(level == "error")
    if target.exists() and os.environ["OVERWRITE"] != "true":
        print(f"::error::there is an artifact {name} already")
        return 1
    shutil.rmtree(target, ignore_errors=True)
    shared = Path(os.path.commonpath([file.parent for file in files]))
    for file in files:
        place = target / file.relative_to(shared)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)
    print(f"{len(files)} files: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
