"""Versions: three numbers, one way to write them, bumps that go up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from optimus_ops.errors import Refused
from optimus_ops.release.version import PARTS, bumped, parse_version, tag_of, version_of_tag

numbers = st.integers(0, 10**6)
pre = st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["a", "b", "rc"]), st.integers(0, 99)))
versions = st.builds("{}.{}.{}{}".format, numbers, numbers, numbers, pre)


@given(versions)
def test_a_version_survives_text_and_tag(text: str) -> None:
    version = parse_version(text)
    assert str(version) == text
    assert version_of_tag(tag_of(version)) == version


@given(versions, st.sampled_from(PARTS))
def test_a_bump_is_newer_and_no_pre_release(text: str, part: str) -> None:
    version = parse_version(text)
    following = bumped(version, part)
    assert following > version
    assert not following.is_prerelease
    assert parse_version(str(following)) == following


@pytest.mark.parametrize(
    ("version", "part", "following"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("0.9.9", "minor", "0.10.0"),
        ("1.3.0rc1", "minor", "1.3.0"),
        ("1.3.0rc1", "patch", "1.3.0"),
        ("1.3.1rc1", "minor", "1.4.0"),
        ("2.0.0a1", "major", "2.0.0"),
        ("2.1.0a1", "major", "3.0.0"),
    ],
)
def test_bumps(version: str, part: str, following: str) -> None:
    assert bumped(Version(version), part) == Version(following)


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc.1", "01.2.3", "1.2.3+a", "1!1.2.3", "1.2.3.post1", "x"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_version(text)


def test_a_way_to_write_it_is_named() -> None:
    with pytest.raises(Refused, match=r"write it as 1\.2\.0rc1"):
        parse_version("1.2.0-rc.1")


@pytest.mark.parametrize("tag", ["1.2.0", "v1", "v1.2", "release", "v1.2.0-rc1"])
def test_other_tags_stand_for_no_version(tag: str) -> None:
    assert version_of_tag(tag) is None


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(Refused, match="major, minor, patch"):
        bumped(Version("1.0.0"), "micro")
