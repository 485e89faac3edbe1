"""Whether a file has changed."""

from pathlib import Path

Stamp = tuple[str, int, int, int, int]


def file_stamp(path: Path) -> Stamp:
    """Return what differs after any change of a file, in place or by another one that takes its name."""
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0, 0, 0
    # The time of the last change of the inode, too: `cp -p` and `touch -d` set the other one at will.
    return path.name, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
