"""Trace contexts are read as https://www.w3.org/TR/trace-context/ says, and nothing hostile gets further."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.http_answers import AnsweredBy
from tests.support.span_recorder import recording_spans

from optimus_kit.server_span import read_identity
from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id, parse_traceparent, read_headers
from optimus_kit.traced_client import InsideClient, OutsideClient
from optimus_kit.tracing import start_request, use_span

IDS = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
HERE = TraceContext(IDS[:32], IDS[33:], sampled=True)
TRACEPARENT = HERE.traceparent.encode()
MALFORMED = {
    "empty": b"",
    "upper case": TRACEPARENT.upper(),
    "no trace": f"00-{'0' * 32}-{IDS[33:]}-01".encode(),
    "no span": f"00-{IDS[:32]}-{'0' * 16}-01".encode(),
    "version ff": b"ff" + TRACEPARENT[2:],
    "version 00 with more": TRACEPARENT + b"-more",
    "later version that goes on without a dash": b"01" + TRACEPARENT[2:] + b".more",
    "no version": TRACEPARENT[3:],
    "version in upper case": b"0A" + TRACEPARENT[2:],
    "short flags": TRACEPARENT[:-1],
    "flags of no digits": TRACEPARENT[:-1] + b"g",
    "two in one": TRACEPARENT + b"," + TRACEPARENT,
    "line feed behind": TRACEPARENT + b"\n",
    "no-break space behind": TRACEPARENT + b"\xa0",
    "control character": TRACEPARENT[:3] + b"\x00" + TRACEPARENT[4:],
    "digits of another script": b"00-" + "٤".encode() * 16 + TRACEPARENT[35:],
    "8 kB": b"a" * 8192,
}
LATER = {
    "bare": b"01" + TRACEPARENT[2:],
    "with more": b"01" + TRACEPARENT[2:] + b"-what-the-future-brings",
    "with an empty part": b"fe" + TRACEPARENT[2:] + b"-",
}
MEMBERS = ",".join(f"vendor{number}=1" for number in range(32))
STATES = {
    "none": ([], ""),
    "of one vendor": ([b"vendor=1"], "vendor=1"),
    "of several headers": ([b"a=1", b"b=2"], "a=1,b=2"),
    "between spaces": ([b" \tvendor=1 \t", b" b=2 "], "vendor=1,b=2"),
    "only spaces": ([b"  "], ""),
    "32 members": ([MEMBERS.encode()], MEMBERS),
    "33 members": ([MEMBERS.encode(), b"one=more"], ""),
    "512 characters": ([b"v=" + b"x" * 510], "v=" + "x" * 510),
    "513 characters": ([b"v=" + b"x" * 511], ""),
    "8 kB": ([b"v=" + b"x" * 8190], ""),
    "control character": ([b"v=\x01"], ""),
    "tab within": ([b"v=1\t,w=2"], ""),
    "two lines": ([b"v=1\r\nx-injected: 1"], ""),
    "not ASCII": (["v=ü".encode()], ""),
}


@given(st.booleans(), st.integers(0, 255))
def test_what_is_written_is_read(sampled: bool, flags: int) -> None:
    here = TraceContext(new_trace_id(), new_span_id(), sampled)
    assert parse_traceparent(here.traceparent) == here
    # Only the lowest flag has a meaning; others are not passed on.
    read = parse_traceparent(f"{here.traceparent[:-2]}{flags:02x}")
    assert read == TraceContext(here.trace_id, here.span_id, bool(flags & 1))


NEARLY = st.from_regex(r"[0-9a-fA-F]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", fullmatch=True)


@given(st.one_of(st.text(), NEARLY))
def test_whatever_comes_as_a_traceparent_is_one_or_none(text: str) -> None:
    found = parse_traceparent(text)
    assert found is None or parse_traceparent(found.traceparent) == found


@given(st.lists(st.binary(max_size=600), max_size=40), st.sampled_from([b" ", b"\t", b"v=1", b""]))
def test_whatever_comes_as_a_tracestate_can_be_sent_on(values: list[bytes], more: bytes) -> None:
    found = read_headers([TRACEPARENT], [*values, more])
    assert found is not None
    request = httpx.Request("GET", "http://service/", headers={"tracestate": found.state})
    assert request.headers["tracestate"] == found.state == found.state.strip()
    assert len(found.state) <= 512
    assert found.state.count(",") < 32
    assert found.state.isascii()
    assert found.state.isprintable()


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_traceparent_is_none(value: bytes) -> None:
    assert read_headers([value], [b"vendor=1"]) is None


@pytest.mark.parametrize("value", LATER.values(), ids=LATER)
def test_of_a_later_version_the_known_part_is_taken(value: bytes) -> None:
    assert read_headers([value]) == HERE


def test_spaces_around_a_traceparent_are_no_part_of_it() -> None:
    assert read_headers([b" \t" + TRACEPARENT + b" \t"]) == HERE


@pytest.mark.parametrize("values", [[], [TRACEPARENT, TRACEPARENT], [TRACEPARENT, b""]])
def test_a_request_has_one_traceparent_or_none(values: list[bytes]) -> None:
    assert read_headers(values) is None


@pytest.mark.parametrize(("values", "state"), STATES.values(), ids=STATES)
def test_a_tracestate_is_passed_on_whole_or_not_at_all(values: list[bytes], state: str) -> None:
    found = read_headers([TRACEPARENT], values)
    assert found == TraceContext(HERE.trace_id, HERE.span_id, sampled=True, state=state)


async def ask_around(context: TraceContext | None) -> tuple[httpx.Headers, httpx.Headers]:
    """What a request inside the platform and one that leaves it carry, made for a request that came with a context."""
    sent: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers)
        return httpx.Response(200)

    with use_span(start_request(context, rootless=False)):
        for kind in (InsideClient, OutsideClient):
            async with kind(transport=AnsweredBy(answer)) as client:
                await client.get("http://service/")
    inside, outside = sent
    return inside, outside


async def test_a_service_that_records_nothing_passes_on_what_came() -> None:
    inside, outside = await ask_around(read_headers([TRACEPARENT], [b"vendor=1"]))
    assert (inside["traceparent"], inside["tracestate"]) == (TRACEPARENT.decode(), "vendor=1")
    assert not {"traceparent", "tracestate"} & set(outside)


HEADERS = st.lists(st.tuples(st.sampled_from([b"baggage", b"tracestate", b"x-tenant"]), st.binary(max_size=80)))
MANY = (b"baggage", ",".join(f"optimus.tenant{number}=globex" for number in range(512)).encode())


@given(HEADERS)
async def test_no_header_of_a_client_is_an_attribute_or_leaves_the_platform(hostile: list[tuple[bytes, bytes]]) -> None:
    headers = [*hostile, MANY, (b"tracestate", b"optimus.tenant=globex"), (b"traceparent", TRACEPARENT)]
    with recording_spans() as spans:
        inside, outside = await ask_around(read_identity({"headers": headers}).came_with)
        attributes = {key: value for each in spans for key, value in each.attributes.items()}
    assert inside["traceparent"].startswith(f"00-{HERE.trace_id}-")
    assert "baggage" not in inside
    assert not {"traceparent", "tracestate", "baggage"} & set(outside)
    assert "globex" not in str(attributes)
    assert {key.partition(".")[0] for key in attributes} == {"http", "server", "url"}
