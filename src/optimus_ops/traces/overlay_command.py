"""Which command adds a store of traces or logs to a project's stack."""

from __future__ import annotations

from optimus_ops.project.model_files import read_compose
from optimus_ops.project.settings import Project, overlay_file


def overlay_command(project: Project, store: tuple[str, int]) -> str:
    """Return the command with the flag of the first overlay that has a store's service; "" where none has it."""
    service, _port = store
    for name in project.optional_overlays:
        services = read_compose(project.compose / overlay_file(project.base, name)).get("services")
        if isinstance(services, dict) and service in services:
            return f"invoke scale --{name}"
    return ""
