from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.model.dockerfiles import inputs

SERVICE = """\
# FROM nothing
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS builder
COPY services/app/requirements.txt /tmp/
COPY --chmod=0755 services/kit/src/ services/app/src/ \\
    /opt/app/
FROM --platform=linux/amd64 $PYTHON_IMAGE
COPY --from=builder /opt/venv /opt/venv
COPY ["a file", "/there"]
ADD https://files.example/x /x
"""


def test_bases_and_files_of_a_staged_build() -> None:
    found = inputs(SERVICE, {})
    assert found.images == ("python:3.12-slim",)
    assert found.paths == ("services/app/requirements.txt", "services/kit/src/", "services/app/src/", "a file")


def test_build_arguments_win_over_defaults() -> None:
    assert inputs(SERVICE, {"PYTHON_IMAGE": "mine:1"}).images == ("mine:1",)


def test_a_stage_and_scratch_are_no_bases() -> None:
    assert inputs("FROM scratch\nFROM a:1 AS Base\nFROM base\nFROM ${X:-b:2}\n", {}).images == ("a:1", "b:2")


@given(st.text(st.characters(exclude_characters="[")))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert "" not in inputs(text, {}).images
