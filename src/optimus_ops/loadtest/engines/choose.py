"""The generators there are."""

from __future__ import annotations

from collections.abc import Sequence

from optimus_ops.loadtest.engines.k6 import k6_command
from optimus_ops.loadtest.engines.locust import locust_command
from optimus_ops.loadtest.generator.spec import GeneratorSpec
from optimus_ops.loadtest.model import LoadPlatform

ENGINES = ("locust", "k6")


def engine_command(engine: str, spec: GeneratorSpec, platform: LoadPlatform) -> Sequence[str]:
    """Return the command of one worker, in which `{records}` stands for a file descriptor and `{spec}` for a path.

    Raises:
        MissingPrerequisite: the generator is not installed.
    """
    if engine == "k6":
        return k6_command(platform.k6_script)
    return locust_command(spec, platform.locustfile)
