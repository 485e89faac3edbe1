from __future__ import annotations

import pytest
from loadtests.secret_probes import probes, tenant_uses


@pytest.mark.parametrize(
    ("key", "tenant"),
    [("TENANT_ACME_API_KEY", "acme"), ("TENANT_A_1_API_API_KEY", "a-1-api"), ("TENANT_X_API_KEY", "x")],
)
def test_requests_with_a_tenants_old_key_are_those_of_its_own_counter(key: str, tenant: str) -> None:
    # As services/ai-engine/tests/test_chat_rotation.py has it of a service.
    assert tenant_uses(key) == f'optimus_tenant_key_matches_total{{secret="secondary",tenant="{tenant}"}}'


def test_each_service_that_verifies_tenants_counts_them() -> None:
    counting = {probe.service for probe in probes() if probe.keys == "TENANT_*_API_KEY" and probe.uses is tenant_uses}
    assert counting == {"ai-engine", "memory-engine", "backend-orchestrator"}
