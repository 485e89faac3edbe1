from pathlib import Path

import pytest

from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings

TENANTS = "tenants: {acme: {requests_per_minute: 60}, north-star: {display_name: North Star}}"


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(TENANTS)
    return ServiceSettings(
        service="demo", port=8000, secrets=SecretFolder(secrets), tenants_file=tenants, hostname="replica-1"
    )
