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


def test_paths_are_those_of_the_arguments_and_variables_of_their_stage() -> None:
    text = (
        "ARG SERVICE=app\nARG KIT\nFROM base AS builder\nARG SERVICE\nENV KIT=kit SRC='src'\n"
        "COPY $KIT/${SRC}/ services/${SERVICE}/src/ /\nFROM base\nARG SERVICE=other\nCOPY services/$SERVICE /app\n"
    )
    assert inputs(text, {}).paths == ("kit/src/", "services/app/src/", "services/other")
    assert inputs(text, {"SERVICE": "web"}).paths == ("kit/src/", "services/web/src/", "services/web")


def test_an_argument_of_a_stage_is_none_of_the_next_from() -> None:
    assert inputs("FROM a:1\nARG BASE=c:3\nFROM ${BASE:-b:2}\n", {}).images == ("a:1", "b:2")


@given(st.text(st.characters(exclude_characters="[")))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert "" not in inputs(text, {}).images
