"""Services that send no spans don't import OpenTelemetry's SDK, whatever they are asked."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from tests.e2e.asking import deliver, notification, question, reply_of, state_once, unique
from tests.e2e.driven import OwnPlatform
from tests.e2e.processes import Service

# Python itself writes each import that succeeds to standard error, late ones included.
SHOW_IMPORTS = {"PYTHONVERBOSE": "1"}
IMPORT = re.compile(r"import '([\w.]+)' # ")
# Nobody listens there.
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
# A connection that is kept would be waited for.
CLOSE = {"Connection": "close"}
SENDERS = re.compile(r"opentelemetry\.(sdk|exporter|proto|instrumentation)\b")


@contextmanager
def platform_of(own: OwnPlatform, environ: Mapping[str, str]) -> Iterator[Mapping[str, Service]]:
    """One process of each kind beside the platform's own, by package and command."""
    shared = SHOW_IMPORTS | dict(environ)
    inner = shared | {"SECRETS_DIR": str(own.launcher.folder / "inner")}
    with ExitStack() as stack:

        def start(package: str, *arguments: str, **variables: str) -> Service:
            name = "-".join(["untraced", package, *arguments])
            return stack.enter_context(own.launcher.running(package, name, *arguments, **variables))

        memory = start("memory_engine", **inner, DATABASE_URL=own.database)
        engine = start("ai_engine", **inner, MEMORY_ENGINE_URL=memory.url, WEB_CONCURRENCY="2")
        backend = start("backend_orchestrator", "serve", **shared)
        worker = start("backend_orchestrator", "worker", **shared, AI_ENGINE_URL=engine.url)
        services = {"memory-engine": memory, "ai-engine": engine, "backend": backend, "worker": worker}
        for service in services.values():
            service.wait_until_up()
        yield services


def imported(service: Service) -> set[str]:
    """The modules that a process that has ended had imported."""
    found = set(IMPORT.findall(service.log.read_text(errors="replace")))
    assert "optimus_kit.tracing" in found
    return found


@pytest.mark.parametrize("environ", [{}, ENDPOINT | {"OTEL_SDK_DISABLED": "true"}], ids=["no endpoint", "disabled"])
def test_no_process_imports_the_sdk(own_platform: OwnPlatform, http: httpx.Client, environ: dict[str, str]) -> None:
    with platform_of(own_platform, environ) as services:
        acme = own_platform.bearer("acme") | {"X-Recall": "true"} | CLOSE
        url = f"{services['ai-engine'].url}/v1/chat/completions"
        assert reply_of(http.post(url, json=question("hello"), headers=acme)) == "Turn 1. You said: hello"
        for name in ("memory-engine", "ai-engine", "backend"):
            assert http.get(f"{services[name].url}/metrics", headers=CLOSE).status_code == 200
        message_id = unique("wamid")
        assert deliver(http, own_platform, notification(message_id, "hello")).status_code == 200
        state_once(http, own_platform, message_id, "answered", "acme")
        for service in services.values():
            service.process.terminate()
        assert {name: service.ended() for name, service in services.items()} == dict.fromkeys(services, 0)
    for service in services.values():
        assert not list(filter(SENDERS.match, imported(service)))


def test_one_whose_libraries_make_spans_does(own_platform: OwnPlatform) -> None:
    """Otherwise the test above could see nothing."""
    environ = SHOW_IMPORTS | ENDPOINT | {"SECRETS_DIR": str(own_platform.launcher.folder / "inner")}
    environ["DATABASE_URL"] = own_platform.database
    with own_platform.launcher.running("memory_engine", "traced", **environ) as service:
        service.wait_until_up()
        assert service.terminate() == 0
    assert "opentelemetry.sdk.trace" in imported(service)
