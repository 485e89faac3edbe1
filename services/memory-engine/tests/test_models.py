import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from memory_engine.models import BatchIn, MemoryIn, SearchIn

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
SCALAR = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
METADATA = st.dictionaries(TEXT, SCALAR | st.lists(SCALAR, max_size=3), max_size=5)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"inner": value}
    return value


@given(METADATA)
def test_small_metadata_are_taken_as_they_are(metadata: dict[str, Any]) -> None:
    assert MemoryIn.model_validate({"text": "x", "metadata": metadata}).metadata == metadata


@pytest.mark.parametrize("text", ["", " \n\t", "a\0b", "\ud800", "x" * 8_001, 5, None, ["x"]])
def test_unusable_texts_are_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="text"):
        MemoryIn.model_validate({"text": text})


def test_the_longest_text_is_taken() -> None:
    assert len(MemoryIn(text="é" * 8_000).text) == 8_000


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": "x" * 4_090},
        nested(5),
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a\0": 1},
        {"a": ["\0"]},
        {"\udfff": 1},
        ["a"],
        "a",
        None,
    ],
)
def test_unusable_metadata_are_refused(metadata: object) -> None:
    with pytest.raises(ValidationError, match="metadata"):
        MemoryIn.model_validate({"text": "x", "metadata": metadata})


def test_metadata_may_be_nested_four_deep() -> None:
    assert MemoryIn(text="x", metadata=nested(4)).metadata == nested(4)


@pytest.mark.parametrize("limit", [0, 51, -1, "5", 2.5, True, None])
def test_limits_outside_1_to_50_are_refused(limit: object) -> None:
    with pytest.raises(ValidationError, match="limit"):
        SearchIn.model_validate({"query": "x", "limit": limit})


@pytest.mark.parametrize(
    "filter_", [{"a": {"b": 1}}, {"a": [1]}, {str(i): i for i in range(17)}, {"a": float("nan")}, {"a\0": 1}]
)
def test_filters_other_than_a_few_plain_values_are_refused(filter_: object) -> None:
    with pytest.raises(ValidationError, match="filter"):
        SearchIn.model_validate({"query": "x", "filter": filter_})


@given(st.dictionaries(TEXT, SCALAR, max_size=5))
def test_filter_values_keep_their_json_type(filter_: dict[str, Any]) -> None:
    taken = SearchIn.model_validate({"query": "x", "filter": filter_}).filter
    assert json.dumps(taken) == json.dumps(filter_)


@pytest.mark.parametrize("score", [-1.1, 1.1, float("nan"), "high"])
def test_scores_outside_cosines_are_refused(score: object) -> None:
    with pytest.raises(ValidationError, match="min_score"):
        SearchIn.model_validate({"query": "x", "min_score": score})


def test_unknown_fields_are_refused_so_that_a_misspelt_one_is_noticed() -> None:
    with pytest.raises(ValidationError, match="metdata"):
        MemoryIn.model_validate({"text": "x", "metdata": {}})


@pytest.mark.parametrize("size", [0, 101])
def test_batches_have_1_to_100_memories(size: int) -> None:
    with pytest.raises(ValidationError, match="memories"):
        BatchIn.model_validate({"memories": [{"text": "x"}] * size})


def test_the_texts_of_a_batch_are_bounded_together() -> None:
    memory = {"text": "x" * 8_000}
    assert len(BatchIn.model_validate({"memories": [memory] * 12}).memories) == 12
    with pytest.raises(ValidationError, match="100000 characters"):
        BatchIn.model_validate({"memories": [memory] * 13})
