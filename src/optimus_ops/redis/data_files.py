"""Names of a server's data files in its container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.redis.containers import RedisContainer


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The names of a server's files."""

    folder: str = "/data"  # on a volume
    snapshot: str = "dump.rdb"
    aof_folder: str = "appendonlydir"  # "" before Redis 7, which has none
    aof_name: str = "appendonly.aof"  # prefix of the names of the append-only file's parts
    append_only: bool = True  # the server starts from its append-only file and not from the snapshot

    @property
    def parted(self) -> bool:
        """Whether the server keeps an append-only file in parts."""
        return self.append_only and bool(self.aof_folder)

    @property
    def aof_manifest(self) -> str:
        """Path of the append-only file's manifest within `folder`."""
        return f"{self.aof_folder}/{self.aof_name}.manifest"


def read_data_files(client: Any) -> DataFiles:
    """Ask a server for the names of its files; raise `RedisError` where it does not answer, or may not be asked."""
    found: dict[str, str] = {}
    for name in ("dir", "dbfilename", "appenddirname", "appendfilename", "appendonly"):
        found |= client.config_get(name)
    return DataFiles(
        folder=found.get("dir", "/data"),
        snapshot=found.get("dbfilename", "dump.rdb"),
        aof_folder=found.get("appenddirname", ""),
        aof_name=found.get("appendfilename", "appendonly.aof"),
        append_only=found.get("appendonly") == "yes",
    )


def refuse_without_volume(container: RedisContainer, files: DataFiles) -> None:
    """Raise `Refused` for a server whose data would be removed with its container."""
    if not any(files.folder == there or files.folder.startswith(f"{there}/") for there in container.volumes):
        raise Refused(
            f"{container.node.name} keeps its data in {files.folder}, which is on no volume",
            "a cache needs no backup; give anything else a volume",
        )
