"""The labels that this machine stands in for."""

import pytest

from optimus_ops.ci.runner import possible_labels


@pytest.mark.parametrize(
    ("labels", "possible"),
    [
        (("ubuntu-24.04", "gpu", "ubuntu-24.04"), ("ubuntu-24.04", "gpu")),
        (("${{ vars.RUNNER || 'ubuntu-24.04' }}",), ("ubuntu-24.04",)),
        (("${{ inputs.gpu && 'gpu' || 'ubuntu-24.04' }}", "self-hosted"), ("gpu", "ubuntu-24.04", "self-hosted")),
        (("${{ vars.RUNNER }}",), ()),
    ],
)
def test_an_expression_stands_for_each_text_in_it(labels: tuple[str, ...], possible: tuple[str, ...]) -> None:
    assert possible_labels(labels) == possible
