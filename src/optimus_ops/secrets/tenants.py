"""The names of the tenants, from `config/tenants.yaml`: each has a key of its own."""

from __future__ import annotations

import re

import yaml

from optimus_ops.errors import Refused

TENANT = re.compile(r"[a-z][a-z0-9-]{0,62}")


def tenant_names(text: str, source: str) -> tuple[str, ...]:
    """Return the tenants in the order of the file."""
    try:
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Refused(f"{source}{place}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise Refused(f"{source}: not valid YAML: {error}") from None
    tenants = content.get("tenants") if isinstance(content, dict) else None
    if not isinstance(tenants, dict):
        raise Refused(f"{source}: expected a mapping `tenants` from name to limits")
    for name in tenants:
        if not (isinstance(name, str) and TENANT.fullmatch(name)):
            raise Refused(f"{source}: malformed tenant name {name!r}", "use a-z, 0-9 and '-', a letter first")
    return tuple(tenants)
