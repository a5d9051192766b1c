"""Files inside of tarballs and zips, read one at a time and never unpacked to the disk. Hostile archives give reasons in the place of files.

Limits are those of `ArchiveSettings`: all that is decompressed counts, also what is passed over. Links and special files are not followed; a member
whose path leads out of the archive is left out, whatever it holds.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from training.corpus.settings import ArchiveSettings

_FREE_BYTES: Final = 10_000_000
"""Below this no ratio is asked for."""
_HEADER_BYTES: Final = 1 << 20
_NAME_HEADERS: Final = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_BROKEN: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Member:
    path: str
    size: int
    content: bytes | None
    """None where it was not asked for, or there is a reason."""
    reason: str | None = None


class _LimitError(Exception):
    pass


class _Header(tarfile.TarInfo):
    """Of a member. Headers with long names are read into memory as a whole, so they must not be long."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _NAME_HEADERS and header.size > _HEADER_BYTES:
            raise _LimitError("archive with a header that is too long")
        return header


def members(archive: Path, settings: ArchiveSettings, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    """In the archive's order. `wanted` says by path and size whether a content is read. A broken or too large archive ends with a member with a reason
    whose path is empty; what came before it stands. A directory that holds everything, as forges and npm make, is no part of the paths."""
    try:
        if archive.name.endswith(".zip"):
            yield from _of_zip(archive, settings, wanted)
        else:
            yield from _of_tar(archive, settings, wanted)
    except _LimitError as error:
        yield Member("", 0, None, str(error))
    except _BROKEN:
        yield Member("", 0, None, "broken archive")


def _of_tar(archive: Path, settings: ArchiveSettings, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    with open(archive, "rb") as raw:
        meter = _Meter(raw, settings, archive.stat().st_size)
        for count, entry in enumerate(_entries(meter, archive.name), start=1):
            if count > settings.members:
                raise _LimitError("archive of too many members")
            meter.account(entry.offset_data + entry.size)
            if entry.isdir():
                continue
            path, reason = _plain(entry.name)
            if reason is not None:
                yield Member(path, entry.size, None, reason)
            elif entry.issym() or entry.islnk():
                yield Member(path, 0, None, "symbolic link" if entry.issym() else "hard link")
            elif not entry.isreg() or entry.issparse():
                yield Member(path, 0, None, "no regular file")
            elif wanted(path, entry.size):
                stream = meter.tar.extractfile(entry)
                content = stream.read() if stream is not None else b""
                yield Member(path, entry.size, content)
            else:
                yield Member(path, entry.size, None)


class _Meter(io.RawIOBase):
    """The decompressed stream of a tarball, which ends with an error where it grows beyond the limits."""

    def __init__(self, raw: IO[bytes], settings: ArchiveSettings, packed: int) -> None:
        self._settings = settings
        self._packed = packed
        self._raw = raw
        self._seen = 0
        self.tar: tarfile.TarFile

    def open(self, name: str) -> tarfile.TarFile:
        import bz2
        import gzip

        stream: Any
        if name.endswith((".gz", ".tgz")):
            stream = gzip.GzipFile(fileobj=self._raw)
        elif name.endswith(".xz"):
            stream = lzma.LZMAFile(self._raw)  # noqa: SIM115 - it is over the file that the caller closes
        elif name.endswith(".bz2"):
            stream = bz2.BZ2File(self._raw)
        else:
            stream = self._raw
        self._stream = stream
        self.tar = tarfile.open(fileobj=self, mode="r|", tarinfo=_Header, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - as above
        return self.tar

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._stream.read(min(size, 1 << 20) if size >= 0 else 1 << 20)
        self._seen += len(content)
        self.account(self._seen)
        return content

    def account(self, size: int) -> None:
        """`size`: of what is unpacked so far, or is said to come."""
        _within(size, self._packed, self._settings)


def _entries(meter: _Meter, name: str) -> Iterator[tarfile.TarInfo]:
    with meter.open(name) as tar:
        while (entry := tar.next()) is not None:
            yield entry
            tar.members = []  # type: ignore[attr-defined] # a stream: nothing is gone back to, and millions of members would stay in memory


def _of_zip(archive: Path, settings: ArchiveSettings, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    packed = archive.stat().st_size
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
        if len(entries) > settings.members:
            raise _LimitError("archive of too many members")
        seen = 0
        for entry in entries:
            if entry.is_dir():
                continue
            path, reason = _plain(entry.filename)
            if reason is not None:
                yield Member(path, entry.file_size, None, reason)
            elif (entry.external_attr >> 28) == 0xA:
                yield Member(path, 0, None, "symbolic link")
            elif entry.flag_bits & 1:
                yield Member(path, entry.file_size, None, "encrypted")
            elif wanted(path, entry.file_size):
                with opened.open(entry) as stream:
                    content = stream.read(entry.file_size + 1)  # the size is what the archive says, and may be a lie
                seen += len(content)
                _within(seen, packed, settings)
                yield Member(path, entry.file_size, content)
            else:
                yield Member(path, entry.file_size, None)


def _within(unpacked: int, packed: int, settings: ArchiveSettings) -> None:
    if unpacked > settings.largest_bytes:
        raise _LimitError("archive too large when unpacked")
    if unpacked > _FREE_BYTES + settings.ratio * packed:
        raise _LimitError("archive much larger than it is packed, as a bomb is")


def _plain(name: str) -> tuple[str, str | None]:
    """The path in the archive, and why it is not one."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or (path[1:3] == ":/") or ".." in parts:
        return name, "path that leads out of the archive"
    if not parts:
        return name, "no name"
    return "/".join(parts), None


def without_common_directory(paths: list[str]) -> int:
    """How many characters of each path are one directory that holds all of them; 0 when none does."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return len(tops.pop()) + 1 if len(tops) == 1 and "" not in tops else 0
