"""Secret values that a build, a container that fails and one that runs print: masked in output, logs and journals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.shop import FILES, Shop

pytestmark = pytest.mark.integration

CANARY = "sk-canary-0d5e7f3a91c2"
SLEEPING = 'CMD ["sleep", "3600"]'
LEAKING = 'CMD ["sh", "-c", "echo key=$(cat /settings); cat /settings >&2; {}"]'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Return a project whose image holds a secret of the operator's file."""
    made = Shop.made(tmp_path, "masked")
    (made.platform.folder / "env.secrets").write_text(f"OPERATORS_KEY={CANARY}\n")
    (made.compose / "app" / "settings").write_text(f"{CANARY}\n")
    try:
        yield made
    finally:
        made.remove()


def with_dockerfile(shop: Shop, old: str, new: str) -> None:
    """Change the Dockerfile of web."""
    text = FILES["compose/app/Dockerfile"]
    assert old in text
    (shop.compose / "app" / "Dockerfile").write_text(text.replace(old, new))


def written(shop: Shop) -> str:
    """Return all that is in the folder of state."""
    files = [path for path in (shop.platform.folder / "state").rglob("*") if path.is_file()]
    return "\n".join(path.read_text("utf-8", "replace") for path in files)


def test_a_build_that_prints_a_value_and_fails(shop: Shop) -> None:
    with_dockerfile(shop, "COPY settings /settings", "COPY settings /settings\nRUN cat /settings && exit 3")
    failed = shop.platform.invoke("up")
    assert failed.code == 1
    assert "[secret]" in failed.text
    assert CANARY not in failed.text + written(shop)


def test_a_container_that_prints_a_value_and_fails_or_goes_on(shop: Shop) -> None:
    # Without a check of its health, a container is as wanted that has begun to run.
    with_dockerfile(shop, SLEEPING, 'HEALTHCHECK --interval=1s CMD ["false"]\n' + LEAKING.format("exit 3"))
    failed = shop.platform.invoke("up")
    assert failed.code == 1
    assert "[secret]" in failed.text
    assert CANARY not in failed.text + written(shop)

    with_dockerfile(shop, SLEEPING, LEAKING.format("exec sleep 3600"))
    shop.platform.invoke("up").check()
    shown = shop.platform.invoke("logs", "--no-follow").check()
    assert "key=[secret]" in shown.out
    assert CANARY not in shown.text + written(shop)
