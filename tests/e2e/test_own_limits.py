"""What only a tenant with small limits can show."""

import httpx
from tests.e2e.asking import question
from tests.e2e.driven import OwnPlatform


def test_a_tenant_past_its_rate_is_told_when_to_come_back(own_platform: OwnPlatform, http: httpx.Client) -> None:
    headers = own_platform.bearer("frugal")
    answers = [
        http.post(f"{engine}/v1/chat/completions", json=question("hello"), headers=headers)
        for engine in own_platform.ai_engines * 3
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 200
    assert refused
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert {answer.status_code for answer in answers} == {200, 429}
    others = http.post(
        f"{own_platform.ai_engines[0]}/v1/chat/completions", json=question("hello"), headers=own_platform.bearer("acme")
    )
    assert others.status_code == 200
