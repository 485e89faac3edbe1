"""Files as the engine gives them."""

from __future__ import annotations

import base64
import io
import json
import tarfile

from tests.fakes.engine_api import Reply


def packed(name: str, content: bytes | None) -> Reply:
    """Return a file (a folder if it has no content) as the engine copies it out of a container."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo(name)
        if content is None:
            member.type = tarfile.DIRTYPE
        member.size = len(content or b"")
        archive.addfile(member, io.BytesIO(content or b""))
    stat = base64.b64encode(json.dumps({"name": name}).encode()).decode()
    return Reply(pieces=[stream.getvalue()], headers={"X-Docker-Container-Path-Stat": stat})
