from __future__ import annotations

import configparser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.images.host_trust import (
    CA_PATHS,
    CA_VARIABLES,
    choose_ca_bundle,
    pip_configuration,
    pip_files,
    proxies,
)

ADDRESS = st.sampled_from(
    [
        "https://packages.example/simple",
        "http://user:password@mirror.example:8081/simple",
        "file:///opt/packages",
        "/srv/wheels",
        "http://localhost:3141/root/pypi",
        "http://127.0.0.1/simple",
        "https://[broken",
    ]
)


def options(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser.items("global")) if parser.has_section("global") else {}


@given(index=ADDRESS, extra=st.lists(ADDRESS, max_size=4))
def test_only_addresses_that_a_container_reaches_remain(index: str, extra: list[str]) -> None:
    indented = "".join(f"\n    {address}" for address in extra)
    found = options(pip_configuration({}, [f"[global]\nindex-url = {index}\nextra-index-url ={indented}\n"]))
    words = [word for value in found.values() for word in value.split()]
    assert words == [word for word in (index, *extra) if "example" in word]


@given(st.text())
def test_a_malformed_file_is_left_out(text: str) -> None:
    configuration = pip_configuration({"PIP_INDEX_URL": "https://packages.example/simple"}, [text])
    assert options(configuration)["index-url"] == "https://packages.example/simple"


def test_find_links_and_what_is_not_about_the_index_are_left_out() -> None:
    text = "[global]\nfind-links = /srv/wheels\ncert = /etc/ca.pem\nquiet = 1\n"
    assert pip_configuration({"PIP_FIND_LINKS": "/srv/wheels"}, [text]) == ""


def test_the_environment_wins_over_files_and_later_files_over_earlier_ones() -> None:
    files = ["[global]\nindex-url = https://a.example\ntimeout = 5\n", "[install]\nindex_url = https://b.example\n"]
    assert options(pip_configuration({}, files)) == {"index-url": "https://b.example", "timeout": "5"}
    assert options(pip_configuration({"PIP_TIMEOUT": "9"}, files))["timeout"] == "9"


def test_pip_reads_nothing_if_told_so() -> None:
    assert pip_files({"PIP_CONFIG_FILE": "/dev/null"}, Path("/home/someone")) == ()
    assert pip_files({"PIP_CONFIG_FILE": "/x.conf"}, Path("/home/someone"))[-1] == Path("/x.conf")


@given(st.sets(st.sampled_from([*CA_VARIABLES, *CA_PATHS])))
def test_the_ca_bundle_is_the_first_that_exists(existing: set[str]) -> None:
    environ = {name: f"/from/{name}" for name in CA_VARIABLES}
    order = [*environ.values(), *CA_PATHS]
    files = {f"/from/{name}" if name in CA_VARIABLES else name for name in existing}
    assert choose_ca_bundle(environ, files.__contains__) == next((path for path in order if path in files), None)


def test_proxies_on_the_loopback_mean_nothing_in_a_container() -> None:
    environ = {
        "HTTP_PROXY": "http://127.0.0.1:3128",
        "https_proxy": "proxy.example:3128",
        "NO_PROXY": "localhost",
        "PATH": "/bin",
    }
    assert proxies(environ) == {"https_proxy": "proxy.example:3128", "NO_PROXY": "localhost"}
