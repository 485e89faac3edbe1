"""Where a server keeps its data, in its container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.redis.containers import RedisContainer


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The names of a server's files.

    Args:
        folder: its working folder, which is on a volume.
        snapshot: name of the snapshot in it.
        aof_folder: name of the folder of the append-only file in it; "" before Redis 7, which has none.
        aof_name: what the names of that file's parts begin with.
        append_only: whether it keeps an append-only file, which it then reads at its start instead of the snapshot.
    """

    folder: str = "/data"
    snapshot: str = "dump.rdb"
    aof_folder: str = "appendonlydir"
    aof_name: str = "appendonly.aof"
    append_only: bool = True

    @property
    def aof_manifest(self) -> str:
        """Return the path of the append-only file's manifest within `folder`."""
        return f"{self.aof_folder}/{self.aof_name}.manifest"


def read_data_files(client: Any) -> DataFiles:
    """Ask a server for the names of its files.

    Raises:
        RedisError: it does not answer, or may not be asked.
    """
    names = ("dir", "dbfilename", "appenddirname", "appendfilename", "appendonly")
    found: Mapping[str, str] = {name: value for one in names for name, value in client.config_get(one).items()}
    return DataFiles(
        folder=found.get("dir", "/data"),
        snapshot=found.get("dbfilename", "dump.rdb"),
        aof_folder=found.get("appenddirname", ""),
        aof_name=found.get("appendfilename", "appendonly.aof"),
        append_only=found.get("appendonly") == "yes",
    )


def refuse_without_volume(container: RedisContainer, files: DataFiles) -> None:
    """Refuse to work on data that would go with its container.

    Raises:
        Refused: the server's folder is on no volume.
    """
    if not any(files.folder == there or files.folder.startswith(f"{there}/") for there in container.volumes):
        raise Refused(
            f"{container.node.name} keeps its data in {files.folder}, which is on no volume",
            "a cache needs no backup; give anything else a volume",
        )
