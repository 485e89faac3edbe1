from __future__ import annotations

import pytest

from optimus_ops.images.doctor_checks import ImageFacts, check_images


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (ImageFacts(), "ok"),
        (ImageFacts(unbuilt=("shop/ai",)), "ok"),
        (ImageFacts(("redis:8",), (), True), "ok"),
        (ImageFacts(("redis:8",), (), False), "warning"),
    ],
)
def test_images_are_here_or_can_be_had(images: ImageFacts, expected: str) -> None:
    assert check_images(images).verdict == expected
