"""What `invoke llm-eval` evaluates of this platform: its suites, its prompts, and the models that may answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.secrets.value import Secret

FOLDER = Path(__file__).parent
SCRIPTED = "scripted"
MODEL = "OPTIMUS_EVAL_MODEL_NAME"
"""Names the model that ai-engine is asked for."""
AI_ENGINE = "OPTIMUS_EVAL_URL"
"""Address of another OpenAI-compatible endpoint than the stack's ai-engine."""


def load_platform(root: Path, secrets: Mapping[str, Secret]) -> EvalPlatform:
    """Return it. `scripted` answers offline; `ai-engine` is that of the running stack, in the tenants' names."""
    prefix, suffix = "TENANT_", "_API_KEY"
    keys = {
        name.removeprefix(prefix).removesuffix(suffix).lower().replace("_", "-"): secret
        for name, secret in secrets.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }
    url = os.environ.get(AI_ENGINE) or f"http://127.0.0.1:{os.environ.get('AI_ENGINE_PORT', '8010')}/v1"
    return EvalPlatform(
        FOLDER / "suites",
        root / "config" / "prompts",
        (sys.executable, "-m", "optimus_kit.prompts"),
        {
            SCRIPTED: ModelEndpoint(
                SCRIPTED,
                program=(sys.executable, "-m", "evals.scripted", "{port}"),
                deterministic=True,
            ),
            "ai-engine": ModelEndpoint(os.environ.get(MODEL, "embedded"), url, keys),
        },
    )
