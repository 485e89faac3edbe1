from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.images.apt_sources import Mirror, Source, debian_mirror, parse_deb822, parse_one_line

WORD = st.sampled_from(["main", "trixie", "bookworm-security", "x", "non-free-firmware", "a1"])
URI = st.builds("{}://{}.example/{}".format, st.sampled_from(["http", "https"]), WORD, WORD)
SIGNED = st.builds("/usr/share/keyrings/{}.gpg".format, WORD).map(lambda path: (("Signed-By", path),))
SOURCE = st.builds(
    Source,
    uris=st.tuples(URI),
    suites=st.tuples(WORD),
    components=st.lists(WORD, max_size=3).map(tuple),
    options=st.just(()) | SIGNED,
)
DEBIAN = """\
Types: deb deb-src
# where it was taken from
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main
"""


def one_line(source: Source) -> str:
    options = f"[signed-by={source.signed_by} arch+=i386] " if source.signed_by else ""
    return f"deb {options}{source.uris[0]} {source.suites[0]} {' '.join(source.components)}".rstrip()


def deb822(source: Source) -> str:
    key = f"Signed-By: {source.signed_by}\n" if source.signed_by else ""
    components = " ".join(source.components)
    return f"Types: deb\nURIs: {source.uris[0]}\nSuites: {source.suites[0]}\nComponents: {components}\n{key}"


@given(st.lists(SOURCE, max_size=4))
def test_both_formats_say_the_same(sources: list[Source]) -> None:
    assert parse_one_line("\n".join(one_line(source) for source in sources)) == tuple(sources)
    assert parse_deb822("\n".join(deb822(source) for source in sources)) == tuple(sources)


def test_options_have_the_names_of_fields() -> None:
    (listed,) = parse_one_line("deb [arch=amd64,i386 lang=de signed-by=/k.gpg] http://a.example x main # why\n")
    (stanza,) = parse_deb822(
        "types: deb deb-src\nuris: http://a.example\nSuites: x\nComponents: main\n"
        "Architectures: amd64 i386\nLanguages: de\nSigned-By: /k.gpg\n"
    )
    assert listed == stanza


@given(URI, WORD, WORD)
def test_what_is_written_for_another_suite_is_read_back(uri: str, suite: str, other: str) -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc="
    source = Source((uri,), (suite,), ("main",), (("Signed-By", key.strip("\n")),))
    (read,) = parse_deb822(source.stanza(other))
    assert (read.uris, read.suites, read.components) == ((uri,), (other,), ("main",))
    assert read.signed_by == source.signed_by


@given(st.text())
def test_no_text_breaks_a_parser(text: str) -> None:
    for source in (*parse_one_line(text), *parse_deb822(text)):
        assert source.uris
        assert source.suites


def test_comments_sources_of_source_and_disabled_stanzas_are_left_out() -> None:
    assert parse_one_line("# deb http://a x main\ndeb-src http://a x main\n") == ()
    assert parse_deb822("Types: deb\nURIs: http://a.example\nSuites: x\nEnabled: no\n") == ()
    assert parse_deb822("Types: deb-src\nURIs: http://a.example\nSuites: x\n") == ()


def test_an_armoured_key_in_a_stanza_is_unfolded() -> None:
    text = "Types: deb\nURIs: http://a.example\nSuites: x\nSigned-By:\n -----BEGIN PGP-----\n .\n mQIN\n"
    assert parse_deb822(text)[0].signed_by == "-----BEGIN PGP-----\n\nmQIN"


def test_the_hosts_mirror_serves_another_release() -> None:
    mirror = debian_mirror(parse_deb822(DEBIAN))
    assert mirror is not None
    assert mirror.archive == "http://mirror.example/debian"
    assert mirror.security == "http://mirror.example/debian-security"
    assert mirror.lines("trixie").splitlines() == [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/debian-security trixie-security main",
    ]


def test_an_expired_release_file_is_accepted_of_the_newer_release_alone() -> None:
    lines = (
        Mirror("http://a.example/debian", "http://a.example/debian-security")
        .lines("trixie", "forky", "/k.gpg")
        .splitlines()
    )
    assert [("check-valid-until=no" in line) for line in lines] == [False, False, False, True]
    assert all("signed-by=/k.gpg" in line for line in lines)


def test_ubuntu_and_local_archives_are_no_mirror_of_debian() -> None:
    ubuntu = Source(("http://archive.ubuntu.example/ubuntu",), ("noble",), ("main",))
    cdrom = Source(("cdrom:[Debian]/",), ("bookworm",), ("main",))
    third = Source(("https://packages.example/node",), ("nodistro",), ("main",))
    assert debian_mirror([ubuntu, cdrom, third]) is None
