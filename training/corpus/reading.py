"""The files of a source, one at a time, with their content and licence, wherever they lie: a directory, an archive, a table of rows."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.corpus.archives import Member, members, without_common_directory
from training.corpus.file_filters import language_of, reason_by_path, reason_by_size
from training.corpus.licences import Licence, find_licence, licence_of_directory, licence_of_file, tells_licence
from training.corpus.settings import CorpusSettings
from training.corpus.sources import ARCHIVES, Source, is_opted_out

_LICENCE_BYTES: Final = 200_000
_CONTENTS: Final = ("content", "text", "code")
_REPOSITORIES: Final = ("repo_name", "repository", "max_stars_repo_name", "repository_name", "repo")
_PATHS: Final = ("path", "max_stars_repo_path", "file_path", "filename")
_LICENCES: Final = ("detected_licenses", "max_stars_repo_licenses", "licenses", "license", "licence", "gha_license_id")


@dataclass(frozen=True, slots=True)
class Found:
    repository: str
    path: str
    size: int
    content: bytes | None
    """None with a reason."""
    licence: Licence | None = None
    reason: str | None = None


def read_source(source: Source, settings: CorpusSettings) -> Iterator[Found]:
    """Never raises for what a file or an archive holds: that is a reason."""
    if source.opted_out:
        yield Found(source.repository, "", 0, None, None, "repository opted out")
    elif source.files:
        yield from _of_directory(source, settings)
    elif source.place.is_dir():
        return
    elif source.place.name.endswith(ARCHIVES):
        yield from _of_archive(source, settings)
    else:
        yield from _of_rows(source, settings)


def _of_directory(source: Source, settings: CorpusSettings) -> Iterator[Found]:
    root = os.fspath(source.place)
    contents = ((path, _read(f"{root}/{path}", _LICENCE_BYTES)) for path in source.licence_files)
    directories = _directories((path, content) for path, content in contents if isinstance(content, bytes))
    for each in source.files:
        reason = each.reason or reason_by_size(each.path, each.size, settings.files)
        content = None if reason else _read(f"{root}/{each.path}", settings.files.largest_bytes)
        if isinstance(content, bytes):
            licence = find_licence(each.path, content, directories, source.licence)
            yield Found(source.repository, _readable(each.path), each.size, content, licence)
        else:
            yield Found(source.repository, _readable(each.path), each.size, None, None, reason or content)


def _read(file: str, largest: int) -> bytes | str:
    """The content, or why there is none. The file may have become another since it was listed."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return "symbolic link" if error.errno == errno.ELOOP else "cannot be read"
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return "no regular file"
        if about.st_size > largest:
            return "too large"
        content = os.read(descriptor, about.st_size + 1)
        while len(content) <= largest and (more := os.read(descriptor, largest + 1 - len(content))):
            content += more
    except OSError:
        return "cannot be read"
    finally:
        os.close(descriptor)
    return content if len(content) <= largest else "too large"


def _of_archive(source: Source, settings: CorpusSettings) -> Iterator[Found]:
    """Read twice: the licence may stand after the files."""
    paths: list[str] = []
    texts: list[tuple[str, bytes]] = []
    for member in members(source.place, settings.archives, lambda path, size: tells_licence(path) and size <= _LICENCE_BYTES):
        if member.path and member.reason is None:
            paths.append(member.path)
        if member.content is not None:
            texts.append((member.path, member.content))
    skip = without_common_directory(paths)
    del paths
    directories = _directories((path[skip:], content) for path, content in texts)

    def wanted(path: str, size: int) -> bool:
        return _reason(path[skip:], size, settings) is None

    for member in members(source.place, settings.archives, wanted):
        yield from _of_member(source, member, skip, directories, settings)


def _of_member(source: Source, member: Member, skip: int, directories: Mapping[str, Licence], settings: CorpusSettings) -> Iterator[Found]:
    path = member.path if member.reason else member.path[skip:]
    if member.path and member.reason is None and language_of(path) not in settings.files.languages:
        return
    if member.content is None:
        reason = member.reason or _reason(path, member.size, settings)
        yield Found(source.repository, _readable(path), member.size, None, None, reason)
    elif len(member.content) > settings.files.largest_bytes:
        yield Found(source.repository, _readable(path), member.size, None, None, "too large")
    else:
        licence = find_licence(path, member.content, directories, source.licence)
        yield Found(source.repository, _readable(path), len(member.content), member.content, licence)


def _reason(path: str, size: int, settings: CorpusSettings) -> str | None:
    if language_of(path) not in settings.files.languages:
        return "other language"
    return reason_by_path(path, settings.files) or reason_by_size(path, size, settings.files)


def _directories(texts: Iterable[tuple[str, bytes]]) -> dict[str, Licence]:
    """A package.json goes before a licence text of the same directory: it names one licence and has no room for a notice of another."""
    found: dict[str, Licence] = {}
    for path, content in sorted(texts, key=lambda each: (each[0].endswith("package.json"), each[0])):
        name = licence_of_directory(path, content)
        if name is not None:
            found[path.rpartition("/")[0]] = Licence(name, _readable(path))
    return found


def _of_rows(source: Source, settings: CorpusSettings) -> Iterator[Found]:
    for number, row in enumerate(_rows(source.place, settings), start=1):
        if isinstance(row, str):
            yield Found(source.repository, f"{source.place.name}:{number}", 0, None, None, row)
            continue
        files = row.get("files")
        for each in files if isinstance(files, list) else [row]:
            if isinstance(each, dict):
                yield _of_row(source, {**row, **each}, number, settings)


def _of_row(source: Source, row: Mapping[str, Any], number: int, settings: CorpusSettings) -> Found:
    repository = _first(row, _REPOSITORIES) or source.repository
    path = _first(row, _PATHS) or f"{source.place.name}:{number}"
    text = next((row[name] for name in _CONTENTS if isinstance(row.get(name), str | bytes)), None)
    if is_opted_out(repository, settings):
        return Found(repository, path, 0, None, None, "repository opted out")
    if text is None:
        return Found(repository, path, 0, None, None, "row without a content")
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if ".." in path.split("/") or path.startswith("/"):
        return Found(repository, _readable(path), len(content), None, None, "path that leads out of the repository")
    if (reason := _reason(path, len(content), settings)) is not None:
        return Found(repository, _readable(path), len(content), None, None, reason)
    host = _licence_of_row(row)
    own = licence_of_file(content)
    licence = Licence(own, "file") if own else Licence(host, "host") if host else None
    return Found(repository, _readable(path), len(content), content, licence)


def _rows(file: Path, settings: CorpusSettings) -> Iterator[dict[str, Any] | str]:
    """Objects, or in the place of one why there is none."""
    if file.suffix == ".parquet":
        yield from _table(file)
        return
    largest = 64 * settings.files.largest_bytes  # a row may hold a whole repository
    with open(file, "rb") as lines:
        while line := lines.readline(largest):
            if len(line) == largest and not line.endswith(b"\n"):
                while rest := lines.readline(1 << 20):
                    if rest.endswith(b"\n"):
                        break
                yield "row too long"
            elif line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                yield row if isinstance(row, dict) else "row that is no object in JSON"


def _table(file: Path) -> Iterator[dict[str, Any] | str]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(file) as table:
            known = {*_CONTENTS, *_REPOSITORIES, *_PATHS, *_LICENCES, "files"}
            columns = [name for name in table.schema_arrow.names if name in known]
            for batch in table.iter_batches(batch_size=32, columns=columns):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError):
        yield "broken table"


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((row[name] for name in names if isinstance(row.get(name), str) and row[name]), None)


def _licence_of_row(row: Mapping[str, Any]) -> str | None:
    """Several detected licences hold together: each of them has to be allowed."""
    for name in _LICENCES:
        told = row.get(name)
        if isinstance(told, str) and told:
            return told
        if isinstance(told, list) and told and all(isinstance(each, str) for each in told):
            return " AND ".join(told)
    return None


def _readable(path: str) -> str:
    """Names that are not UTF-8, with what is not in a spelling that is."""
    return os.fsencode(path).decode("utf-8", "backslashreplace") if not path.isascii() else path
