"""Users of locust that ask the server of `loopback`; the class `dying` takes its generator with it."""

from __future__ import annotations

import os

from optimus_ops.loadtest.generator.locust_users import locust_users
from optimus_ops.loadtest.generator.spec import GeneratorSpec
from optimus_ops.loadtest.generator.workload import Call
from optimus_ops.loadtest.records import FlowKey

STREAMED = {"stream", "cut"}


class LoopbackWorkload:
    def __init__(self, spec: GeneratorSpec) -> None:
        self._worker = spec.worker

    def call(self, key: FlowKey, number: int) -> Call:
        if key.request_class == "dying" and self._worker == 1:
            os._exit(7)
        streamed = key.request_class in STREAMED
        return Call("GET", f"/{key.request_class}/{number}", streamed=streamed, expected=b"hello")

    def begins(self, _call: Call, piece: bytes) -> bool:
        return b"content" in piece

    def wrong(self, call: Call, body: bytes) -> str:
        if call.streamed and not body.endswith(b"[DONE]\n\n"):
            return "stream not complete"
        return "" if call.expected in body else "wrong content"


globals().update(locust_users(LoopbackWorkload))
