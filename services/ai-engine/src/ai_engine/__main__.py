"""Start the service: `python -m ai_engine`."""

import os
import sys

from optimus_kit.server import serve
from optimus_kit.settings import ServiceSettings, SettingsError

PORT = 8010


def main() -> None:
    """Read the settings and serve until SIGTERM; a setting that cannot be used ends it with exit code 3."""
    try:
        settings = ServiceSettings.from_env(os.environ, service="ai-engine", port=PORT)
    except SettingsError as error:
        print(f"ai-engine: {error}", file=sys.stderr)
        sys.exit(3)
    serve("ai_engine.app:build_app", settings)


if __name__ == "__main__":
    main()
