"""A piece of the input, file by file: what is left out and why, and what is left with its secrets replaced. The first pass, in many processes.

What comes of a piece lies in the work directory as parts: a table of its files, and arrays of their fingerprints for the search of duplicates. A piece
whose parts are there is not worked on again.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from training.corpus.contamination import EvaluationTexts, evaluation_texts
from training.corpus.file_filters import language_of, reason_by_content
from training.corpus.fingerprints import SHINGLE, Hashes, bands, runs, signatures, word_hashes
from training.corpus.import_order import imported
from training.corpus.licences import is_allowed
from training.corpus.reading import Found, read_source
from training.corpus.secrets import SecretFinder
from training.corpus.settings import CorpusSettings
from training.corpus.sources import Piece
from training.corpus.syntax import errors
from trajectories.disk import replace_file

_EXCERPT: Final = 1_500
"""Characters of a removed file that are kept to look at."""

SCHEMA: Final = pa.schema(
    {
        "repository": pa.string(), "path": pa.string(), "language": pa.string(), "bytes": pa.int64(), "sha256": pa.string(),
        "licence": pa.string(), "licence_source": pa.string(), "stage": pa.string(), "reason": pa.string(), "secrets": pa.string(),
        "excerpt": pa.string(), "imports": pa.list_(pa.string()), "text": pa.binary(),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Files that were read; those without a reason have fingerprints, in the same order."""

    name: str
    files: int
    kept: int


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What came of a piece."""

    parts: tuple[Part, ...]
    other_files: int
    read_bytes: int


def find_cleaned(work: Path, key: str) -> Cleaned | None:
    """Of an earlier run, where it went to its end."""
    try:
        content = json.loads((work / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    parts = tuple(Part(**each) for each in content["parts"])
    if not all((work / f"{part.name}.parquet").is_file() and (work / f"{part.name}.npy").is_file() for part in parts):
        return None
    return Cleaned(parts, content["other_files"], content["read_bytes"])


def clean(items: list[tuple[str, Piece]], settings: CorpusSettings, work: Path) -> list[Cleaned]:
    with without_collector():
        return [_clean(key, piece, settings, work) for key, piece in items]


def _clean(key: str, piece: Piece, settings: CorpusSettings, work: Path) -> Cleaned:
    judge = _judge_of(settings)
    parts: list[Part] = []
    waiting = _Waiting(settings)
    total = 0
    for source in piece.sources:
        for found in read_source(source, settings):
            total += found.size if found.content is not None else 0
            waiting.add(*judge.judged(found))
            if waiting.size >= settings.part_bytes:
                parts.append(waiting.write(work, f"{key}-{len(parts)}"))
                waiting = _Waiting(settings)
    if waiting.rows:
        parts.append(waiting.write(work, f"{key}-{len(parts)}"))
    cleaned = Cleaned(tuple(parts), sum(source.other_files for source in piece.sources), total)
    content = {
        "parts": [{"name": part.name, "files": part.files, "kept": part.kept} for part in parts],
        "other_files": cleaned.other_files,
        "read_bytes": total,
    }
    replace_file(work / f"{key}.json", json.dumps(content).encode(), lasting=False)
    return cleaned


class _Judge:
    """Everything that a file is asked."""

    def __init__(self, settings: CorpusSettings) -> None:
        self._settings = settings
        self._allowed = frozenset(settings.licences.allowed)
        self._evaluation: EvaluationTexts = evaluation_texts(settings.contamination)
        self._secrets = SecretFinder(settings.secrets)

    def judged(self, found: Found) -> tuple[dict[str, Any], Hashes | None]:
        """Its row, and the hashes of its words when it is kept."""
        row: dict[str, Any] = {
            "repository": found.repository,
            "path": found.path,
            "language": language_of(found.path),
            "bytes": found.size,
            "licence": found.licence.name if found.licence else None,
            "licence_source": found.licence.source if found.licence else None,
        }
        if found.content is None:
            return {**row, "stage": "read", "reason": found.reason}, None
        row["sha256"] = hashlib.sha256(found.content).hexdigest()
        content = found.content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
        if (reason := reason_by_content(content, self._settings.files)) is not None:
            return {**row, "stage": "filter", "reason": reason, "excerpt": self._excerpt(content, reason)}, None
        if (reason := self._licence_reason(found)) is not None:
            return {**row, "stage": "licence", "reason": reason, "excerpt": self._excerpt(content)}, None
        words = word_hashes(content)
        reason = "repository of an evaluation task" if self._evaluation.names(found.repository) else self._evaluation.meets(words)
        if reason is not None:
            return {**row, "stage": "contamination", "reason": reason, "excerpt": self._excerpt(content)}, None
        clean, kinds = self._secrets.replace(content, bare=row["language"] in ("Environment", "YAML"))
        if kinds:
            row["secrets"] = json.dumps(dict(sorted(kinds.items())))
            if not _parses_as_before(content, clean, found.path):
                reason = "secret that cannot be replaced without breaking the code"
                return {**row, "stage": "secrets", "reason": reason, "excerpt": self._excerpt(content)}, None
            words = word_hashes(clean)
        return {**row, "imports": imported(clean), "text": clean}, words

    def _licence_reason(self, found: Found) -> str | None:
        if found.licence is None:
            return "no licence is known" if self._settings.licences.unknown == "leave_out" else None
        return None if is_allowed(found.licence.name, self._allowed) else "licence is not allowed"

    def _excerpt(self, content: bytes, reason: str = "") -> str | None:
        """Its beginning, without secrets: what was taken out is looked at too."""
        if reason in ("binary", "empty"):
            return None
        text, _ = self._secrets.replace(content[: 4 * _EXCERPT].decode("utf-8", "replace").encode())
        return text.decode("utf-8", "replace")[:_EXCERPT]


def _parses_as_before(before: bytes, after: bytes, path: str) -> bool:
    broken = errors(after, path)
    if not broken:
        return True
    earlier = errors(before, path)
    return earlier is not None and broken <= earlier


@cache
def _judge_of(settings: CorpusSettings) -> _Judge:
    return _Judge(settings)


class _Waiting:
    """Rows that are not written yet."""

    def __init__(self, settings: CorpusSettings) -> None:
        self._settings = settings
        self._samples: Counter[str] = Counter()
        self.rows: list[dict[str, Any]] = []
        self._words: list[Hashes] = []
        self._contents: list[bytes] = []
        self.size = 0

    def add(self, row: dict[str, Any], words: Hashes | None) -> None:
        if words is None:
            self._samples[row["reason"]] += 1
            if self._samples[row["reason"]] > self._settings.samples:
                row.pop("excerpt", None)
            self.size += 200
        else:
            self.size += len(row["text"])
            self._contents.append(hashlib.sha256(row["text"].strip()).digest()[:16])
            enough = self._settings.duplicates.near and len(words) >= self._settings.duplicates.least_words
            self._words.append(runs(words, SHINGLE) if enough else words[:0])
        self.rows.append(row)

    def write(self, work: Path, name: str) -> Part:
        table = pa.Table.from_pylist(self.rows, schema=SCHEMA)
        temporary = work / f"{name}.parquet.tmp-{os.getpid()}"
        parquet.write_table(table, temporary, compression="zstd", compression_level=1, use_dictionary=["repository", "language", "licence"])
        temporary.replace(work / f"{name}.parquet")
        rows = signatures(self._words)
        # One array a file, so that a band of all parts can be read without the others.
        _save(work / f"{name}.signatures.npy", rows)
        _save(work / f"{name}.bands.npy", bands(rows))
        _save(work / f"{name}.comparable.npy", np.array([len(each) > 0 for each in self._words], dtype=np.bool_))
        _save(work / f"{name}.npy", np.frombuffer(b"".join(self._contents), dtype=np.uint64).reshape(-1, 2))
        return Part(name, len(self.rows), len(self._contents))


def _save(file: Path, array: np.ndarray[Any, Any]) -> None:
    temporary = file.with_name(f"{file.name}.tmp-{os.getpid()}")
    with open(temporary, "wb") as stream:
        np.save(stream, array)
    temporary.replace(file)


@contextmanager
def without_collector() -> Iterator[None]:
    """Rows are thousands of containers in no circle, through which the collector of circles would go again and again: a twentieth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
