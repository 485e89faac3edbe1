"""Make the pictures of README and documentation anew.

`nox -s pictures`: a plan, `status` and a deploy on a stack of their own, as SVG; needs a Docker engine, and nothing of
the stack stays. `python -m scripts.pictures llm-eval`: the page of an evaluation, as browsers show it; needs chromium.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text
from tests.support.ports import free_ports

CHECKOUT = Path(__file__).resolve().parent.parent
PICTURES = CHECKOUT / "docs" / "pictures"
PROJECT = "optimus-tour"
COLUMNS = 110
SECONDS = 900
EVALUATION = "llm-eval"
LOSING = "answer-message/pt-BR.md"
LOST_RULES = ("no máximo três frases", "exatamente como estão")
PAGE_SIZE = "1100,1480"
INVOKE = str(Path(sys.executable).with_name("invoke"))
TOUR = {
    "plan": ("scale", "--ai-engine", "4", "--plan"),
    "status": ("status",),
    "deploy": ("deploy", "ai-engine", "--force", "--observe", "3"),
}
# What else is on the engine differs from machine to machine; the note may take several lines.
OTHERS = re.compile(
    r"^[\x1b\[\d;m ]*! images whose name a newer build has.*\n?(?:[\x1b\[\d;m]*(?: {6}|--remove-orphans).*\n?)*",
    re.MULTILINE,
)
# Rich's own format loads a font from elsewhere; whoever looks has a monospaced one.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def main() -> int:
    """Run the tour and write a picture of each command, or that of an evaluation's page."""
    PICTURES.mkdir(exist_ok=True)
    if sys.argv[1:] == [EVALUATION]:
        picture_evaluation()
        return 0
    with running_stack() as environ:
        for name, words in TOUR.items():
            write_picture(PICTURES / f"{name}.svg", words, typescript(words, environ))
            print(f"wrote docs/pictures/{name}.svg", flush=True)
    return 0


def picture_evaluation() -> None:
    """Write what a browser shows of the page of an evaluation: a prompt that lost two of its rules."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        raise SystemExit("no chromium: apt-get install chromium")
    folder = CHECKOUT / "build" / "evaluation"
    worse = folder / LOSING
    worse.parent.mkdir(parents=True, exist_ok=True)
    lines = (CHECKOUT / "config" / "prompts" / LOSING).read_text("utf-8").splitlines(keepends=True)
    worse.write_text("".join(line for line in lines if not any(rule in line for rule in LOST_RULES)), "utf-8")
    inside = folder.relative_to(CHECKOUT)
    command = ("llm-eval", "--gate", "--baseline=HEAD", f"--prompt={inside / LOSING}", f"--report={inside}")
    subprocess.run([INVOKE, *command], cwd=CHECKOUT, timeout=SECONDS, check=False)
    target = PICTURES / f"{EVALUATION}.png"
    with tempfile.TemporaryDirectory() as profile:
        flags = ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={profile}")
        shot = (f"--window-size={PAGE_SIZE}", f"--screenshot={target}", (folder / f"{EVALUATION}.html").as_uri())
        subprocess.run([browser, *flags, *shot], timeout=SECONDS, check=True, capture_output=True)
    print(f"wrote docs/pictures/{target.name}", flush=True)


@contextmanager
def running_stack() -> Iterator[Mapping[str, str]]:
    """Run a stack with two replicas of ai-engine; yield the environment of its commands."""
    with tempfile.TemporaryDirectory() as folder:
        ports = dict(zip(("AI_ENGINE_PORT", "BACKEND_ORCHESTRATOR_PORT"), map(str, free_ports(2)), strict=True))
        own = {"COMPOSE_PROJECT_NAME": PROJECT, "OPTIMUS_STATE_DIR": folder, "COLUMNS": str(COLUMNS)}
        environ = {**os.environ, **own, **ports, "OPTIMUS_SECRETS_FILE": f"{folder}/env.secrets", "TERM": "xterm"}
        try:
            run("scale", "--ai-engine", "2", environ=environ)
            yield environ
        finally:
            run("down", "--prune-network", environ=environ)
            label = f"label=com.docker.compose.project={PROJECT}"
            subprocess.run(["docker", "volume", "prune", "--all", "--force", "--filter", label], check=True)


def run(*words: str, environ: Mapping[str, str]) -> None:
    """Run a task to its end."""
    subprocess.run([INVOKE, *words], cwd=CHECKOUT, env=environ, timeout=SECONDS, check=True)


def typescript(words: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Return what a terminal shows of a task, once it has ended."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([INVOKE, *words], cwd=CHECKOUT, env=environ, stdout=terminal, stderr=terminal)
    os.close(terminal)
    pieces = []
    try:
        while piece := os.read(controller, 65_536):
            pieces.append(piece)
    except OSError:
        pass  # Linux says so where the other end of a terminal is closed.
    finally:
        os.close(controller)
    if process.wait(SECONDS):
        raise SystemExit(f"invoke {' '.join(words)} ended with {process.returncode}")
    return shown(b"".join(pieces).decode())


def shown(written: str) -> str:
    """Return the lines that stay on a terminal: of one that is written over, its last state."""
    lines = (
        re.split(r"\r\033\[K|\r(?!$)", line)[-1].rstrip("\r") for line in written.replace("\r\n", "\n").split("\n")
    )
    return OTHERS.sub("", "\n".join(lines)).strip("\n")


def write_picture(path: Path, words: tuple[str, ...], text: str) -> None:
    """Write what a terminal shows as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ invoke {' '.join(words)}", style="bold"))
    console.print(Text.from_ansi(text))
    console.save_svg(str(path), title="Optimus Ops", code_format=FORMAT, unique_id=path.stem)


if __name__ == "__main__":
    sys.exit(main())
