"""Runs the script by Node.js, or warns that there is none on this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Return the exit code of the script."""
    node = shutil.which("node")
    if node is None:
        print("::warning title=not run here::actions/github-script needs Node.js, which this machine does not have")
        return 0
    return subprocess.call([node, str(Path(__file__).with_name("script.js"))], env=dict(os.environ))


if __name__ == "__main__":
    sys.exit(main())
