"""Compare what GitHub's own workflow parser sees with what is recorded: `nox -s workflow_parser`.

Unit tests compare `invoke ci.list` and `ci.run --plan` with the record (tests/workflow_parser/seen.json); this says
whether the record is true, and with `--write` makes it anew. Node 20 and npm are needed.
Exit codes: 0 the same, 1 something differs, 3 node or npm is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / "tests" / "workflow_parser"
BUILD = CHECKOUT / "build" / "workflow-parser"
RECORD = FOLDER / "seen.json"


def main() -> int:
    """Install, bundle, run, and compare or write."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        print(f"missing prerequisite: {' and '.join(missing)}: install Node.js 20 or later", file=sys.stderr)
        return 3
    try:
        seen = parse(sorted(FOLDER.glob("*/*.yml")))
    except subprocess.CalledProcessError as error:
        print(f"`{' '.join(error.cmd[:2])}` ended with {error.returncode}", file=sys.stderr)
        return 1
    if "--write" in sys.argv[1:]:
        RECORD.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n", "utf-8")
    recorded = json.loads(RECORD.read_text("utf-8"))
    different = sorted(name for name in {*seen, *recorded} if seen.get(name) != recorded.get(name))
    for name in different:
        print(f"{name}: GitHub's parser sees something else than is recorded", file=sys.stderr)
    print(f"{len(seen)} files, {len(different)} differ from the record")
    return 1 if different else 0


def parse(paths: list[Path]) -> dict[str, Any]:
    """Return what GitHub's parser sees in workflow files, by file name; it is locked, installed and bundled first.

    Its modules import JSON in a way that Node 20 refuses, so they have to be bundled.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "parse.mjs"):
        shutil.copy(FOLDER / name, BUILD)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    bundle = ("--bundle", "--platform=node", "--format=cjs", "--outfile=parse.cjs", "--log-level=warning")
    run("node_modules/.bin/esbuild", "parse.mjs", *bundle)
    found: dict[str, Any] = json.loads(run("node", "parse.cjs", *map(str, paths)))
    return found


def run(*command: str) -> str:
    """Run a command in the build folder and return its output."""
    return subprocess.run(command, cwd=BUILD, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
