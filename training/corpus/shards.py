"""Parts of what was kept, as shards of rows and a manifest of their files. The second pass, in many processes."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as parquet
from pydantic import BaseModel, ConfigDict

from training.corpus.cleaning import without_collector
from training.corpus.import_order import in_import_order
from training.corpus.settings import CorpusSettings
from training.corpus.syntax import cut
from training.corpus.tokens import RowMaker
from trajectories.disk import replace_file

Split = Literal["train", "validation"]

TEXT_SCHEMA: Final = pa.schema(
    {
        "text": pa.string(), "repository": pa.string(), "path": pa.string(), "licence": pa.string(), "language": pa.string(),
        "piece": pa.int32(), "pieces": pa.int32(),
    }
)  # fmt: skip
TOKEN_SCHEMA: Final = pa.schema(
    {
        "input_ids": pa.list_(pa.int32()), "loss_mask": pa.list_(pa.int8()), "repository": pa.string(), "paths": pa.list_(pa.string()),
        "licences": pa.list_(pa.string()),
    }
)  # fmt: skip
MANIFEST_SCHEMA: Final = pa.schema(
    {
        "repository": pa.string(), "path": pa.string(), "language": pa.string(), "bytes": pa.int64(), "sha256": pa.string(),
        "licence": pa.string(), "licence_source": pa.string(), "kept": pa.bool_(), "split": pa.string(), "stage": pa.string(), "reason": pa.string(),
        "detail": pa.string(), "secrets": pa.string(), "pieces": pa.int32(), "written_bytes": pa.int64(), "tokens": pa.int64(), "excerpt": pa.string(),
    }
)  # fmt: skip


class Shard(BaseModel):
    """A file of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: Split
    sha256: str
    size: int
    rows: int
    tokens: int


class Written(BaseModel):
    """What came of a part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    shards: tuple[Shard, ...]
    manifest_sha256: str
    files: dict[str, int]
    """Kept by `language`, and all."""
    removed: dict[str, dict[str, int]]
    """Files by stage and reason."""
    removed_bytes: dict[str, int]
    """By stage."""
    licences: dict[str, int]
    secrets: dict[str, int]
    """Replaced in files that were kept, by kind."""
    bytes_kept: int


@dataclass(frozen=True, slots=True)
class Order:
    """What one process is to write."""

    key: str
    """Names what comes of it."""
    part: str
    first: npt.NDArray[np.int64]
    """Of each file that was kept in the first pass the number of the one that stands for it."""
    start: int
    """The number of the first of them."""
    exact: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    """All parts, and in `starts` the numbers of their first files: to name what a duplicate is one of."""
    starts: npt.NDArray[np.int64]


def find_written(work: Path, key: str) -> Written | None:
    """Of an earlier run, when its files are still the same."""
    try:
        written = Written.model_validate_json((work / f"{key}.written.json").read_bytes())
        for shard in written.shards:
            if _digest(work / f"{key}.{shard.split}.parquet") != shard.sha256:
                return None
        return written if _digest(work / f"{key}.manifest.parquet") == written.manifest_sha256 else None
    except (OSError, ValueError):
        return None


def write(orders: list[Order], settings: CorpusSettings, work: Path) -> list[Written]:
    with without_collector():
        return [_write(order, settings, work) for order in orders]


def split_of(repository: str, settings: CorpusSettings) -> Split:
    """By the repository's name and the seed alone, so that more input moves no repository to the other side."""
    share = int.from_bytes(hashlib.sha256(f"{settings.seed}\0{repository}".encode()).digest()[:6], "big") / 2**48
    return "validation" if share < settings.rows.validation else "train"


def _write(order: Order, settings: CorpusSettings, work: Path) -> Written:
    files = parquet.read_table(work / f"{order.part}.parquet").to_pylist()
    _leave_out_duplicates(files, order, work)
    shards = []
    for split in ("train", "validation"):
        kept: dict[str, dict[str, dict[str, Any]]] = {}
        for file in files:
            if file["reason"] is None and split_of(file["repository"], settings) == split:
                kept.setdefault(file["repository"], {})[file["path"]] = file
        if kept:
            shards.append(_shard(work / f"{order.key}.{split}.parquet", split, kept, settings))
    manifest = work / f"{order.key}.manifest.parquet"
    _save(manifest, [_manifest_row(file, settings) for file in files], MANIFEST_SCHEMA)
    written = _written(order.key, files, tuple(shards), _digest(manifest))
    replace_file(work / f"{order.key}.written.json", written.model_dump_json().encode(), lasting=False)
    return written


def _leave_out_duplicates(files: list[dict[str, Any]], order: Order, work: Path) -> None:
    number = order.start
    for file in files:
        if file["reason"] is not None:
            continue
        place = number - order.start
        if (first := int(order.first[place])) != number:
            file["stage"] = "duplicates"
            file["reason"] = "the same as another file" if order.exact[place] else "nearly the same as another file"
            part = int(np.searchsorted(order.starts, first, side="right")) - 1
            file["detail"] = _names(work, order.names[part])[first - int(order.starts[part])]
            file["excerpt"] = file["text"][:1_500].decode("utf-8", "ignore")
        number += 1


@lru_cache(maxsize=32)
def _names(work: Path, part: str) -> list[str]:
    table = parquet.read_table(work / f"{part}.parquet", columns=["repository", "path", "reason"])
    return [f"{row['repository']}: {row['path']}" for row in table.to_pylist() if row["reason"] is None]


def _shard(file: Path, split: Split, kept: dict[str, dict[str, dict[str, Any]]], settings: CorpusSettings) -> Shard:
    rows: list[dict[str, Any]] = []
    for repository in sorted(kept):
        files = kept[repository]
        by_imports = settings.rows.order == "imports"
        order = in_import_order({path: each["imports"] or () for path, each in files.items()}) if by_imports else sorted(files)
        make = _token_rows if settings.rows.tokenizer is not None else _text_rows
        rows += make(repository, [files[path] for path in order], settings)
    _save(file, rows, TOKEN_SCHEMA if settings.rows.tokenizer is not None else TEXT_SCHEMA)
    tokens = sum(len(row["input_ids"]) for row in rows) if settings.rows.tokenizer is not None else 0
    return Shard(split=split, sha256=_digest(file), size=file.stat().st_size, rows=len(rows), tokens=tokens)


def _text_rows(repository: str, files: Sequence[dict[str, Any]], settings: CorpusSettings) -> Iterator[dict[str, Any]]:
    for file in files:
        pieces = cut(file["text"], file["path"], settings.rows.characters)
        file["pieces"] = len(pieces)
        for number, piece in enumerate(pieces):
            yield {
                "text": piece.decode("utf-8"),
                "repository": repository,
                "path": file["path"],
                "licence": file["licence"],
                "language": file["language"],
                "piece": number,
                "pieces": len(pieces),
            }


def _token_rows(repository: str, files: Sequence[dict[str, Any]], settings: CorpusSettings) -> Iterator[dict[str, Any]]:
    maker = _maker(settings)
    licences = {file["path"]: file["licence"] for file in files}
    counts: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for row in maker.rows(repository, ((file["path"], file["text"]) for file in files)):
        for path, count in row.counts.items():
            counts[path] += count
            pieces[path] += 1
        yield {
            "input_ids": row.ids,
            "loss_mask": [1] * len(row.ids),
            "repository": repository,
            "paths": list(row.counts),
            "licences": sorted({licences[path] or "" for path in row.counts}),
        }
    for file in files:
        file["tokens"] = counts[file["path"]]
        file["pieces"] = pieces[file["path"]]


@cache
def _maker(settings: CorpusSettings) -> RowMaker:
    return RowMaker(settings.rows, settings.seed)


def _manifest_row(file: dict[str, Any], settings: CorpusSettings) -> dict[str, Any]:
    kept = file["reason"] is None
    return {
        **{name: file.get(name) for name in MANIFEST_SCHEMA.names},
        "kept": kept,
        "split": split_of(file["repository"], settings) if kept else None,
        "written_bytes": len(file["text"]) if kept else 0,
        "excerpt": None if kept else file["excerpt"],
    }


def _written(key: str, files: list[dict[str, Any]], shards: tuple[Shard, ...], manifest: str) -> Written:
    languages: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    secrets: Counter[str] = Counter()
    removed: dict[str, Counter[str]] = {}
    removed_bytes: Counter[str] = Counter()
    size = 0
    for file in files:
        if file["reason"] is not None:
            removed.setdefault(file["stage"], Counter())[file["reason"]] += 1
            removed_bytes[file["stage"]] += file["bytes"]
            continue
        languages[file["language"] or "unknown"] += 1
        licences[file["licence"] or "unknown"] += 1
        size += len(file["text"])
        if file["secrets"]:
            secrets.update(json.loads(file["secrets"]))
    return Written(
        key=key, shards=shards, manifest_sha256=manifest, files=languages, licences=licences, secrets=secrets, bytes_kept=size,
        removed={stage: dict(counts) for stage, counts in removed.items()}, removed_bytes=removed_bytes,
    )  # fmt: skip


def _save(file: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    temporary = file.with_name(f"{file.name}.tmp-{os.getpid()}")
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), temporary, compression="zstd", row_group_size=2_048)
    temporary.replace(file)


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
