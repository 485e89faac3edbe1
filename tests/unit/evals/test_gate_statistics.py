"""The gate's estimates are those of scipy and statsmodels where they compute the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

from optimus_ops.evals.gate.estimate import estimate, mcnemar_mid_p
from optimus_ops.evals.gate.holm import holm
from optimus_ops.evals.gate.model import CaseScores
from optimus_ops.evals.gate.sign_flip import lower_bound, p_value

SCORES = st.floats(0, 1, allow_nan=False)
CLOSE = pytest.approx


def scored(differences: Sequence[float], clusters: Sequence[str] | None = None) -> list[CaseScores]:
    """Return cases whose candidate differs so from the baseline."""
    names = clusters or [""] * len(differences)
    return [
        CaseScores(f"case-{number}", cluster, (0.5, 0.5), (0.5 + each / 2, 0.5 + each * 1.5))
        for number, (each, cluster) in enumerate(zip(differences, names, strict=True))
    ]


@given(st.lists(st.floats(-0.3, 0.3), min_size=10, max_size=60).filter(lambda them: np.ptp(them) > 1e-3))
def test_cases_by_themselves_are_tested_as_by_scipy(differences: list[float]) -> None:
    found = estimate(scored(differences), margin=0.05)
    expected = stats.ttest_1samp(differences, 0, alternative="less")

    assert found.method == "paired t"
    assert found.difference == CLOSE(np.mean(differences), abs=1e-12)
    assert found.p_value == CLOSE(expected.pvalue, rel=1e-9, abs=1e-12)


@given(st.integers(10, 30), st.integers(2, 8), st.integers(0, 10**6))
def test_clusters_are_tested_as_by_statsmodels(clusters: int, size: int, seed: int) -> None:
    numbers = random.Random(seed)
    names = [f"conversation-{index}" for index in range(clusters) for _ in range(numbers.randint(1, size))]
    names += ["conversation-0"]
    shifts = {name: numbers.uniform(-0.2, 0.2) for name in names}
    differences = [shifts[name] + numbers.uniform(-0.1, 0.1) for name in names]

    found = estimate(scored(differences, names), margin=0.05)

    codes = np.unique(names, return_inverse=True)[1]
    fitted = OLS(differences, np.ones(len(names))).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    t_value = fitted.params[0] / fitted.bse[0]
    assert found.method == "clustered t"
    assert found.clusters == clusters
    assert found.p_value == CLOSE(stats.t.cdf(t_value, clusters - 1), rel=1e-9, abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
def test_binary_scores_are_tested_by_mcnemar_with_mid_p(worse: int, better: int) -> None:
    distribution = stats.binom(worse + better, 0.5)
    expected = 1.0 if not worse + better else distribution.sf(worse) + distribution.pmf(worse) / 2

    assert mcnemar_mid_p(worse, better) == CLOSE(expected, rel=1e-9)


def test_mcnemar_of_thousands_of_changes_keeps_its_precision() -> None:
    distribution = stats.binom(4000, 0.5)

    assert mcnemar_mid_p(2050, 1950) == CLOSE(distribution.sf(2050) + distribution.pmf(2050) / 2, rel=1e-9)


def test_one_answer_of_each_side_by_itself_is_mcnemars_case() -> None:
    cases = [CaseScores(f"case-{number}", "", (1.0,), (float(number % 3 > 0),)) for number in range(30)]

    found = estimate(cases, margin=0.05)

    assert found.method == "McNemar mid-p"
    assert found.p_value == CLOSE(0.5**10 / 2)


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 4)), min_size=2, max_size=7))
def test_few_clusters_are_flipped_as_by_scipy(clusters: list[tuple[float, int]]) -> None:
    totals = [total for total, _ in clusters]
    expected = stats.permutation_test(
        (np.array(totals),), lambda them, axis=-1: np.sum(them, axis=axis), permutation_type="samples",
        alternative="less", n_resamples=np.inf,
    )  # fmt: skip
    # Sums that are equal but for rounding count as equal here and there, by other bounds.
    sums = sorted(
        sum(map(float.__mul__, signs, totals)) for signs in itertools.product((1.0, -1.0), repeat=len(totals))
    )
    gaps = [after - before for before, after in itertools.pairwise(sums) if 0 < after - before < 1e-9]
    if not gaps:
        assert p_value(clusters) == CLOSE(expected.pvalue, abs=1e-12)


@given(st.lists(st.tuples(st.floats(-0.5, 0.5), st.integers(1, 3)), min_size=5, max_size=8))
def test_the_lower_bound_is_where_the_test_stops_rejecting(clusters: list[tuple[float, int]]) -> None:
    bound = lower_bound(clusters, 0.05)
    mirrored = [(-total, size) for total, size in clusters]

    assert -1 <= bound <= sum(total for total, _ in clusters) / sum(size for _, size in clusters)
    assert p_value(mirrored, -(bound + 1e-6)) > 0.05 or bound == -1
    assert p_value(mirrored, -(bound - 1e-6)) <= 0.05 or bound == -1


def test_four_clusters_can_decide_nothing() -> None:
    found = estimate(scored([-0.3] * 8, ["a", "b", "c", "d"] * 2), margin=0.05)

    assert (found.method, found.p_value, found.lower) == ("sign flip by cluster", 1 / 16, -1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_several_metrics_are_corrected_as_by_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == CLOSE(multipletests(p_values, method="holm")[1], rel=1e-12)


@pytest.mark.parametrize("cases", [0, 1])
def test_of_one_case_nothing_is_known(cases: int) -> None:
    found = estimate(scored([-0.2] * cases), margin=0.05)

    assert (found.p_value, found.lower, found.upper) == (1.0, -1.0, 1.0)


def test_cases_that_all_agree_leave_room_for_the_next() -> None:
    fewest, few, many = (estimate(scored([0.0] * number), margin=0.05) for number in (5, 12, 400))

    assert fewest.lower < few.lower < -0.05 < many.lower < 0


def test_a_case_without_a_side_is_missing_and_not_zero() -> None:
    whole = scored([-0.1, 0.05] * 10)
    lost = [CaseScores("lost", "", (), (0.0,)), CaseScores("gone", "", (1.0,), ())]

    assert estimate(whole + lost, margin=0.05) == estimate(whole, margin=0.05)
