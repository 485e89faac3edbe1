"""Which provider a pool of keys is of: `.env.models` says it, beside what services read there.

For the pool `NAME_API_KEYS`: `NAME_BASE_URL` and the first of `NAME_MODELS` are where a key is tried; `NAME_ADMIN_API`
names what makes keys, at `NAME_ADMIN_BASE_URL`, in the project `NAME_ADMIN_PROJECT`, with the secret `NAME_ADMIN_KEY`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optimus_ops.errors import Refused
from optimus_ops.project.dotenv import read_dotenv
from optimus_ops.project.subsystems import offered_modules
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.providers.endpoint import Endpoint
from optimus_ops.rotation.providers.json_api import JsonApi, is_safe
from optimus_ops.rotation.providers.openai import OpenAIProvider
from optimus_ops.rotation.providers.provider import Provider
from optimus_ops.secrets.value import Secret
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

FILE = ".env.models"
SUFFIXES = ("_API_KEYS", "_API_KEY")


@dataclass(frozen=True)
class ProviderSettings:
    """What is known of the provider of a pool.

    Args:
        variables: those of `.env.models`.
        admin_key: what may make and revoke keys; empty: nothing may.
    """

    name: str
    variables: Mapping[str, str]
    admin_key: Secret = field(repr=False)
    clock: Clock = SYSTEM_CLOCK

    @property
    def endpoint(self) -> Endpoint | None:
        """Where keys are used; None where that is not known, or out of reach from here."""
        base = self.value("BASE_URL").rstrip("/")
        model = self.value("MODELS").split(",")[0].strip()
        # `name=name at the endpoint` renames.
        return Endpoint(base, model.rpartition("=")[2], self.clock) if is_safe(base) else None

    def value(self, name: str) -> str:
        """Return a variable of this provider, "" if it is missing."""
        return self.variables.get(f"{self.name}_{name}", "").strip()

    def required(self, name: str) -> str:
        """Return a variable of this provider.

        Raises:
            Refused: it is missing.
        """
        if found := self.value(name):
            return found
        raise Refused(f"{self.name}_{name} is missing", f"set it in {FILE}: keys are made with {self.name}_ADMIN_KEY")


MakeProvider = Callable[[ProviderSettings], Provider]


def settings_of(context: RotationContext, key: str) -> ProviderSettings:
    """Return the settings of a key's provider."""
    name = next((key.removesuffix(suffix) for suffix in SUFFIXES if key.endswith(suffix)), key)
    admin_key = context.values().get(f"{name}_ADMIN_KEY") or Secret("")
    return ProviderSettings(name, read_dotenv(context.project.root / FILE, {}), admin_key, context.clock)


def provider_of(context: RotationContext, key: str) -> Provider | None:
    """Return what makes the keys of a pool; None where nothing does: no API is named, or there is no admin key.

    Raises:
        Refused: a setting is missing, or names an API that nobody offers.
    """
    settings = settings_of(context, key)
    api = settings.value("ADMIN_API")
    if not api or not settings.admin_key:
        return None
    offered = {
        "openai": openai_provider,
        **{
            name: make
            for module in reversed(offered_modules("providers", context.project.subsystems))
            if hasattr(module, "providers")
            for name, make in module.providers().items()
        },
    }
    if api not in offered:
        raise Refused(f"{settings.name}_ADMIN_API={api}: there is no such API", f"known: {', '.join(sorted(offered))}")
    made: Provider = offered[api](settings)
    return made


def openai_provider(settings: ProviderSettings) -> OpenAIProvider:
    """Return a project of OpenAI, or of what has an admin API of its form."""
    base = settings.required("ADMIN_BASE_URL").rstrip("/")
    endpoint = settings.endpoint
    if endpoint is None:
        raise Refused(f"{settings.name}_BASE_URL is no address that keys may be sent to", f"correct it in {FILE}")
    admin = JsonApi(base, settings.admin_key, settings.clock)
    return OpenAIProvider(admin, f"{settings.name}_ADMIN_KEY", settings.required("ADMIN_PROJECT"), endpoint)
