"""Copies artifacts of the run into the workspace."""

import os
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path


def main() -> int:
    """Copy one artifact, or those of a pattern, each into a folder of its name unless they are merged."""
    artifacts, target = Path(os.environ["OPTIMUS_CI_ARTIFACTS"]), Path(os.environ["TARGET"] or ".")
    name, pattern = os.environ["NAME"], os.environ["PATTERN"] or "*"
    names = sorted(path.name for path in artifacts.glob("*") if path.is_dir())
    wanted = [found for found in names if (found == name if name else fnmatch(found, pattern))]
    if name and not wanted:
        print(f"::error::no artifact {name}; there are: {', '.join(names) or 'none'}")
        return 1
    for found in wanted:
        into = target if name or os.environ["MERGE"] == "true" else target / found
        shutil.copytree(artifacts / found, into, dirs_exist_ok=True)
        print(f"{found} -> {into}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
