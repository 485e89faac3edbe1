"""The operator's secrets: schema, strict files, first run, and which service may read what."""

from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.plan import SecretsPlan
from optimus_ops.secrets.provision import SecretsOutcome, ensure, plan, validate
from optimus_ops.secrets.validate import Finding
from optimus_ops.secrets.value import Secret

__all__ = ["Finding", "Secret", "SecretsOutcome", "SecretsPaths", "SecretsPlan", "ensure", "plan", "validate"]
