"""The operator's secrets, from where a project keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from optimus_ops.project.settings import Project
from optimus_ops.secrets import dotenv, store
from optimus_ops.secrets.value import Secret


def operator_secrets(project: Project) -> Mapping[str, Secret]:
    """Return the operator's secrets, none where there is no file; raise `Refused` where it is malformed."""
    found = store.read(project.secrets_file)
    return dotenv.parse(found.content.reveal(), project.secrets_file.name).values if found else {}
