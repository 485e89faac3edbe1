"""Serves ClickHouse's HTTP interface from chDB (ClickHouse in this process), as far as qryn uses it.

`python3 bridge.py FOLDER`: data in FOLDER, on 127.0.0.1:8123. Statements come as `?query=`, in the body, or both (an
INSERT and its rows); `?database=` is where unqualified names are looked up. Errors are 500 with ClickHouse's text.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import machinery, util
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LIBRARY = Path("/opt/chdb/chdb/_chdb.abi3.so")
# Of the server; its caches are gigabytes otherwise.
CACHES = "mark_cache_size=10000000&primary_index_cache_size=10000000&index_mark_cache_size=5000000"
# Of each statement.
SETTINGS = "max_memory_usage = 200000000, max_threads = 1, max_insert_threads = 1"
MOST_BYTES = int(os.environ.get("STORE_MEGABYTES", "1000")) * 1000**2
DATA = ("samples_v3", "metrics_15s", "tempo_traces", "tempo_traces_attrs_gin", "tempo_traces_kv")


class Database:
    """One session of chDB, which takes one statement at a time."""

    def __init__(self, folder: str) -> None:
        """Open it; the package around the library is left out, since it would import pandas and pyarrow."""
        os.chdir(LIBRARY.parent)
        spec = util.spec_from_file_location(
            "_chdb", LIBRARY, loader=machinery.ExtensionFileLoader("_chdb", str(LIBRARY))
        )
        library: Any = util.module_from_spec(spec)
        spec.loader.exec_module(library)
        self.session = library.connect(f"{folder}?{CACHES}")
        self.lock, self.looked = threading.Lock(), 0.0
        self.session.query(f"SET {SETTINGS}", "Null")

    def run(self, statement: str, database: str) -> bytes:
        """Return what a statement gives."""
        with self.lock:
            self.session.query(f"USE `{database.replace('`', '')}`", "Null")
            if statement.startswith("INSERT"):
                self._keep_small(database)
            return self.session.query(statement, "TabSeparated").bytes()

    def _keep_small(self, database: str) -> None:
        """Empty the tables of data where they are too large: retention goes by days, and a day has no bound."""
        if time.monotonic() - self.looked < 10:
            return
        self.looked = time.monotonic()
        size = self.session.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active", "TabSeparated").bytes()
        if int(size) > MOST_BYTES:
            print(f"bridge: traces and logs are emptied at {int(size)} bytes", file=sys.stderr)
            for table in DATA:
                self.session.query(f"TRUNCATE TABLE IF EXISTS `{database}`.{table}", "Null")


class Handler(BaseHTTPRequestHandler):
    """A request is a statement."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Run the statement."""
        query = parse_qs(urlsplit(self.path).query)
        body = self._body().decode("utf-8", "replace")
        statement = "\n".join(text for text in (query.get("query", [""])[0], body) if text)
        try:
            code, content = 200, database.run(statement, query.get("database", ["default"])[0])
        except RuntimeError as error:
            code, content = 500, str(error).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        """Read the whole body: what is left of one is taken for the next request on its connection."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline(64)
        while self.rfile.readline(1024).strip():
            continue
        return b"".join(parts)

    do_POST = do_GET  # noqa: N815 - so the base class wants it

    def log_message(self, *_: object) -> None:
        """Say nothing: qryn tells what fails."""


database = Database(sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", 8123), Handler)
server.daemon_threads, server.block_on_close = True, False
# qryn ends meanwhile: what it still has to say is heard for a second.
signal.signal(signal.SIGTERM, lambda *_: threading.Timer(1, server.shutdown).start())
server.serve_forever()
with database.lock:
    database.session.close()
