"""`python -m optimus_kit.prompts FOLDER`: render what is asked for, a JSON document a line.

Asked `{"prompt", "tenant", "locale", "variables"}` it answers `{"text", "version"}` or `{"error"}`. A prompt is a name,
or several with `+` between them.
"""

import json
import sys
from pathlib import Path

from optimus_kit.prompts.library import PromptLibrary
from optimus_kit.prompts.model import PromptError
from optimus_kit.prompts.together import render_together


def main() -> int:
    """Answer lines of standard input until it ends; 2 if the folder can't be used."""
    try:
        library = PromptLibrary(Path(sys.argv[1]))
    except PromptError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            rendered = render_together(
                library, asked["prompt"], asked.get("tenant", ""), asked.get("locale", ""), asked.get("variables", {})
            )
            answer = {"text": rendered.text, "version": rendered.version}
        except PromptError as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
