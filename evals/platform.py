"""What `invoke llm-eval` evaluates of this platform: its suites, its prompts, and the models that may answer."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from optimus_ops.errors import Refused
from optimus_ops.evals.platform import EvalPlatform, ModelEndpoint
from optimus_ops.secrets.value import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
SCRIPTED, AI_ENGINE, PROVIDER = "scripted", "ai-engine", "provider"
EMBEDDED = "embedded"
"""ai-engine's own model, which costs nothing."""
MODEL = "OPTIMUS_EVAL_MODEL_NAME"
"""Names the model that ai-engine or the provider is asked for."""
URL, KEY, PRICES = "OPTIMUS_EVAL_URL", "OPTIMUS_EVAL_API_KEY", "OPTIMUS_EVAL_PRICES"
"""Of a provider: its address, up to and with `/v1`; its key; US dollars for a million tokens, read and written."""


def load_platform(root: Path, secrets: Mapping[str, Secret]) -> EvalPlatform:
    """Return it.

    `scripted` answers offline, `ai-engine` is that of the running stack, in the tenants' names, and `provider` any
    OpenAI-compatible endpoint that the environment names.

    Raises:
        Refused: the prices are none.
    """
    models = {
        SCRIPTED: ModelEndpoint(
            SCRIPTED, program=(sys.executable, "-m", "evals.scripted", "{port}"), deterministic=True
        ),
        AI_ENGINE: _ai_engine(secrets),
    }
    if url := os.environ.get(URL, ""):
        keys = {"": Secret(key)} if (key := os.environ.get(KEY, "")) else {}
        models[PROVIDER] = ModelEndpoint(os.environ.get(MODEL, ""), url, keys, prices=_prices())
    renderer = (sys.executable, "-m", "optimus_kit.prompts")
    names = _tenant_names(root / "config" / "tenants.yaml")
    return EvalPlatform(FOLDER / "suites", root / "config" / "prompts", renderer, models, private_names=names)


def _tenant_names(file: Path) -> tuple[str, ...]:
    """Return what tenants are called, for programs and for people."""
    tenants = (yaml.safe_load(file.read_text("utf-8")) or {}).get("tenants") or {}
    shown = (str((settings or {}).get("display_name") or "") for settings in tenants.values())
    return tuple(name for name in (*map(str, tenants), *shown) if name)


def _ai_engine(secrets: Mapping[str, Secret]) -> ModelEndpoint:
    prefix, suffix = "TENANT_", "_API_KEY"
    keys = {
        name.removeprefix(prefix).removesuffix(suffix).lower().replace("_", "-"): secret
        for name, secret in secrets.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }
    url = f"http://127.0.0.1:{os.environ.get('AI_ENGINE_PORT', '8010')}/v1"
    model = os.environ.get(MODEL) or EMBEDDED
    return ModelEndpoint(model, url, keys, prices=(0.0, 0.0) if model == EMBEDDED else _prices())


def _prices() -> tuple[float, float] | None:
    text = os.environ.get(PRICES, "").split()
    try:
        found = tuple(float(each) for each in text)
    except ValueError:
        found = ()
    if text and (len(found) != 2 or not all(0 <= each < math.inf for each in found)):
        raise Refused(f"{PRICES}: two numbers are wanted, US dollars for a million tokens, read and written: 0.40 1.60")
    return (found[0], found[1]) if text else None
