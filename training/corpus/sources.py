"""What a corpus is built of: directories of repositories, archives, files of rows. They are listed here, and read only where the work is done.

A place is a repository (it has a package.json, a licence, a readme or `.git`), an archive, a file of rows, or a directory of any of these, such as
`harness corpus collect` makes. Symbolic links are never followed. The listing is a stream: at no time is more of it in memory than one directory's.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from training.corpus.file_filters import language_of, reason_by_path
from training.corpus.licences import tells_licence
from training.corpus.settings import CorpusSettings
from training.errors import TrainingError

ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")
ROWS: Final = (".jsonl", ".parquet")
COLLECTED: Final = "repositories.jsonl"
"""What `collect` writes beside the clones: one object a repository, with `repository`, `directory`, `commit`, `licence` and more."""

_DEPTH: Final = 40
_MARKS: Final = ("package.json", ".git", "tsconfig.json", "deno.json", "README.md", "README", "readme.md", "LICENSE", "LICENCE", "src")
_LICENCE_FILES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that was found, or (with a reason) one that is not going to be read."""

    path: str
    """In the repository."""
    size: int
    modified: int
    """Nanoseconds."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A repository's files, or some of them; an archive or a file of rows, which hold what they hold."""

    repository: str
    place: Path
    files: tuple[Listed, ...] = ()
    """Empty for archives and rows."""
    licence: str | None = None
    """What its host says."""
    licence_files: tuple[str, ...] = ()
    opted_out: bool = False
    other_files: int = 0
    """Files of other languages, which are only counted."""


@dataclass(slots=True)
class Piece:
    """What one process works on at a time."""

    sources: list[Source] = field(default_factory=list)
    size: int = 0

    def key(self, settings_digest: str, opt_out: Sequence[str]) -> str:
        """Names what comes of it: the same while the settings and the files' names, sizes and times of change are. `opt_out` counts only for rows, which
        name repositories themselves; of directories and archives it is in the source."""
        digest = hashlib.sha256(settings_digest.encode())
        for source in self.sources:
            about = (source.repository, source.licence, source.opted_out, source.other_files, source.licence_files)
            digest.update(repr((os.fsencode(source.place), *about)).encode())
            for each in source.files:
                digest.update(f"{each.path}\0{each.size}\0{each.modified}\0{each.reason}\0".encode("utf-8", "surrogatepass"))
            if not source.files:
                digest.update(_state(source.place) + (repr(opt_out).encode() if source.place.name.endswith(ROWS) else b""))
            for path in source.licence_files:
                digest.update(_state(source.place / path))
        return digest.hexdigest()[:32]


def pieces(places: Sequence[Path], settings: CorpusSettings) -> Iterator[Piece]:
    """All that there is, in order, in pieces of about `part_bytes`; a large repository is spread over several.

    A piece also ends where a name's hash says so, once it is a quarter full: one more repository then changes its own piece and not all that follow.
    TrainingError when a place is not there.
    """
    piece = Piece()
    for source in _sources(places, settings):
        for part in _split(source, settings.part_bytes):
            size = sum(each.size for each in part.files if each.reason is None)
            if piece.sources and (part.place.is_file() or piece.size + size > settings.part_bytes):
                yield piece
                piece = Piece()
            piece.sources.append(part)
            piece.size += size
            if part.place.is_file():
                piece.size = settings.part_bytes  # alone
        if piece.size > settings.part_bytes / 4 and _ends_piece(source.repository):
            yield piece
            piece = Piece()
    if piece.sources:
        yield piece


def _ends_piece(repository: str) -> bool:
    return hashlib.sha256(repository.encode("utf-8", "surrogatepass")).digest()[0] < 64


def _split(source: Source, largest: int) -> Iterator[Source]:
    if not source.files:
        yield source
        return
    files: list[Listed] = []
    size = 0
    first = True
    for each in source.files:
        counted = each.size if each.reason is None else 0
        if files and size + counted > largest:
            yield _part(source, files, first=first)
            files, size, first = [], 0, False
        files.append(each)
        size += counted
    yield _part(source, files, first=first)


def _part(source: Source, files: list[Listed], *, first: bool) -> Source:
    return Source(
        source.repository, source.place, tuple(files), source.licence, source.licence_files, source.opted_out, source.other_files if first else 0
    )  # fmt: skip


def _sources(places: Sequence[Path], settings: CorpusSettings) -> Iterator[Source]:
    for place in places:
        try:
            kind = place.stat().st_mode
        except OSError as error:
            raise TrainingError(f"{place}: {error.strerror or error}") from error
        if stat.S_ISREG(kind):
            if not place.name.endswith((*ARCHIVES, *ROWS)):
                raise TrainingError(f"{place}: give directories, archives ({', '.join(ARCHIVES)}) or rows ({', '.join(ROWS)})")
            yield _file(place, settings)
        elif (place / COLLECTED).is_file():
            yield from _collected(place, settings)
        elif any((place / mark).exists() for mark in _MARKS):
            yield _repository(place.resolve().name, place, None, settings)
        else:
            yield from _below(place, settings)


def _below(place: Path, settings: CorpusSettings) -> Iterator[Source]:
    """Each entry of a directory is a repository, an archive or rows."""
    for entry in _entries(place):
        child = place / entry.name
        if entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            yield _repository(entry.name.replace("+", "/", 1), child, None, settings)
        elif entry.is_file(follow_symlinks=False) and entry.name.endswith((*ARCHIVES, *ROWS)):
            yield _file(child, settings)


def _collected(place: Path, settings: CorpusSettings) -> Iterator[Source]:
    with open(place / COLLECTED, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                about = json.loads(line)
                repository, directory, licence = str(about["repository"]), str(about["directory"]), about.get("licence")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise TrainingError(f"{place / COLLECTED}: line {number} is not what `harness corpus collect` writes: {error}") from error
            if Path(directory).is_absolute() or ".." in Path(directory).parts:
                raise TrainingError(f"{place / COLLECTED}: line {number}: {directory} leads out of {place}")
            if (place / directory).is_dir():
                yield _repository(repository, place / directory, licence, settings)
    if (place / "rows").is_dir():
        yield from _below(place / "rows", settings)


def _file(place: Path, settings: CorpusSettings) -> Source:
    name = place.name
    for suffix in (*ARCHIVES, *ROWS):
        name = name.removesuffix(suffix)
    return Source(name.replace("+", "/", 1), place, opted_out=is_opted_out(name.replace("+", "/", 1), settings))


def is_opted_out(repository: str, settings: CorpusSettings) -> bool:
    return any(fnmatchcase(repository.lower(), pattern.lower()) for pattern in settings.licences.opt_out)


def _repository(repository: str, place: Path, licence: str | None, settings: CorpusSettings) -> Source:
    if is_opted_out(repository, settings):
        return Source(repository, place, opted_out=True)
    files: list[Listed] = []
    licence_files: list[str] = []
    counts: Counter[str] = Counter()
    _walk(place, "", 0, settings, files, licence_files, counts)
    files.sort(key=lambda each: each.path)
    return Source(repository, place, tuple(files), licence, tuple(sorted(licence_files)), other_files=counts["other"])


def _walk(
    root: Path, below: str, depth: int, settings: CorpusSettings, files: list[Listed], licence_files: list[str], counts: Counter[str]
) -> None:
    for entry in _entries(root / below):
        path = f"{below}/{entry.name}" if below else entry.name
        try:
            about = entry.stat(follow_symlinks=False)
        except OSError:
            files.append(Listed(path, 0, 0, "cannot be read"))
            continue
        if stat.S_ISDIR(about.st_mode):
            if entry.name in settings.files.directories:
                if entry.name != ".git":
                    files.append(Listed(f"{path}/", 0, 0, "directory of what was not written here"))
            elif depth >= _DEPTH:
                files.append(Listed(f"{path}/", 0, 0, "directory too deep"))
            else:
                _walk(root, path, depth + 1, settings, files, licence_files, counts)
            continue
        wanted = language_of(path) in settings.files.languages
        if not stat.S_ISREG(about.st_mode):
            if wanted or stat.S_ISLNK(about.st_mode):
                files.append(Listed(path, 0, 0, "symbolic link" if stat.S_ISLNK(about.st_mode) else "no regular file"))
            continue
        if tells_licence(path) and len(licence_files) < _LICENCE_FILES:
            licence_files.append(path)
        if not wanted:
            counts["other"] += 1
            continue
        files.append(Listed(path, about.st_size, about.st_mtime_ns, reason_by_path(path, settings.files)))


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _state(place: Path) -> bytes:
    try:
        about = place.stat()
    except OSError:
        return b"gone"
    return f"{about.st_size}\0{about.st_mtime_ns}".encode()
