"""The disk under the records: files that are there whole or as they were, and room that is kept for the moment at which it is full.

What the operating system refuses is raised as it says it. Rooms above have errors of their own, and each names it at its boundary.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OFFERED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)  # of file systems that cannot set room aside


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def in_words(error: OSError) -> str:
    """In one line, with the file where it is known."""
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if error.filename else reason


def replace_file(file: Path, content: bytes, *, lasting: bool = True) -> None:
    """Put a file in its place, whole or not at all. `lasting`: it is to be there after a loss of power too, which takes milliseconds."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        write(beside, content, lasting=lasting)
        beside.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):  # what is half written would keep the room that is missed
            beside.unlink(missing_ok=True)
        raise
    if lasting:
        sync_directory(file.parent)


def write(file: Path, content: bytes, *, lasting: bool = True) -> None:
    with open(file, "wb") as stream:
        stream.write(content)
        if lasting:
            stream.flush()
            os.fsync(stream.fileno())


def append(file: Path, content: bytes, *, lasting: bool = True) -> None:
    """Add to a file all of it or nothing, unless the machine dies in the middle of it."""
    with open(file, "ab", buffering=0) as stream:
        size = stream.tell()
        try:
            left = memoryview(content)
            while left:
                left = left[stream.write(left) :]
            if lasting:
                os.fsync(stream.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(stream.fileno(), size)
            raise


def append_line(file: Path, line: bytes) -> None:
    """Add a line; one that was cut off before it is left as a line of its own."""
    append(file, (line if _ends_a_line(file) else b"\n" + line) + b"\n")


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Room:
    """A file that holds a part of the disk, so that it can be given up for what must still be written."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(self, size_bytes: int) -> None:
        """OSError when there is not as much. A file system that cannot promise room is not asked to."""
        with open(self._file, "wb") as stream:
            try:
                os.posix_fallocate(stream.fileno(), 0, size_bytes)
            except OSError as error:
                self._file.unlink()
                if error.errno not in _NOT_OFFERED:
                    raise

    def give_up(self) -> bool:
        """Whether there was any, and it is free now."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True


def _ends_a_line(file: Path) -> bool:
    """Also of one that is empty or not there."""
    try:
        with open(file, "rb") as lines:
            lines.seek(-1, os.SEEK_END)
            return lines.read() == b"\n"
    except OSError:
        return True
