"""A corpus as a person looks at it: numbers from its manifest, and samples of what was left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from training.corpus.card import read_card
from training.errors import TrainingError

_MOST: Final = 200
"""Files that are shown at most."""


def statistics(corpus: Path, *, top: int) -> dict[str, Any]:
    """Files, bytes and tokens by repository (the largest `top`), licence and language; removals; what was replaced. In rows of text tokens are 0."""
    card = read_card(corpus)
    groups: dict[str, dict[str, Counter[str]]] = {"repository": {}, "licence": {}, "language": {}}
    removed: dict[tuple[str, str], Counter[str]] = {}
    for batch in _manifest(corpus, ["repository", "licence", "language", "kept", "stage", "reason", "bytes", "written_bytes", "tokens"]):
        for row in batch.to_pylist():
            if row["kept"]:
                for column, counted in groups.items():
                    _count(counted.setdefault(row[column] or "unknown", Counter()), row["written_bytes"], row["tokens"])
            else:
                _count(removed.setdefault((row["stage"], row["reason"]), Counter()), row["bytes"], 0)
    unit = "tokens" if card.tokens else "bytes"

    def listed(column: str) -> list[dict[str, Any]]:
        ranked = sorted(groups[column].items(), key=lambda item: (-item[1][unit], item[0]))
        return [{"name": name, **_numbers(counts)} for name, counts in ranked]

    return {
        "files": sum(card.kept.values()),
        "bytes": card.kept_bytes,
        "rows": card.rows,
        "tokens": card.tokens,
        "repositories_in_all": len(groups["repository"]),
        "repositories": listed("repository")[:top],
        "licences": listed("licence"),
        "languages": listed("language"),
        "removed": [
            {"stage": stage, "reason": reason, "files": counts["files"], "bytes": counts["bytes"]}
            for (stage, reason), counts in sorted(removed.items(), key=lambda item: (item[0][0], -item[1]["files"]))
        ],
        "other_files": card.other_files,
        "secrets": card.secrets,
    }


def removals(corpus: Path, *, reason: str | None, samples: int) -> list[dict[str, Any]]:
    """Of each removal up to `samples` files, those with an excerpt first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for batch in _manifest(corpus, None):
        for row in batch.filter(compute.invert(batch["kept"])).to_pylist():
            if reason is not None and reason.lower() not in f"{row['stage']}: {row['reason']}".lower():
                continue
            of_reason = found.setdefault((row["stage"], row["reason"]), [])
            if len(of_reason) < samples:
                of_reason.append(row)
            elif row["excerpt"] and (bare := next((at for at, each in enumerate(of_reason) if not each["excerpt"]), None)) is not None:
                of_reason[bare] = row
    return [row for key in sorted(found) for row in found[key]]


def files_like(corpus: Path, pattern: str) -> list[dict[str, Any]]:
    """Kept or not, whose REPOSITORY/PATH matches; not more than 200. Of those that were kept, the beginning of their first row in rows of text."""
    found: list[dict[str, Any]] = []
    for batch in _manifest(corpus, None):
        names = zip(batch["repository"].to_pylist(), batch["path"].to_pylist(), strict=True)
        places = [place for place, (repository, path) in enumerate(names) if fnmatchcase(f"{repository}/{path}", pattern)]
        found += batch.take(places).to_pylist() if places else []
        if len(found) >= _MOST:
            break
    found = found[:_MOST]
    wanted = {(row["repository"], row["path"]): row for row in found if row["kept"]}
    for file in read_card(corpus).files if wanted else ():
        table = parquet.ParquetFile(corpus / file.name)
        if "text" not in table.schema_arrow.names:
            break
        for batch in table.iter_batches(batch_size=512, columns=["repository", "path", "piece", "text"]):
            for row in batch.to_pylist():
                if row["piece"] == 0 and (row["repository"], row["path"]) in wanted:
                    wanted[row["repository"], row["path"]]["excerpt"] = row["text"][:1_500]
    return found


def _manifest(corpus: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    for file in read_card(corpus).manifest:
        try:
            with parquet.ParquetFile(corpus / file.name) as table:
                yield from table.iter_batches(batch_size=4_096, columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise TrainingError(f"{corpus / file.name} cannot be read: build the corpus again") from error


def _count(counts: Counter[str], size: int | None, tokens: int | None) -> None:
    counts["files"] += 1
    counts["bytes"] += size or 0
    counts["tokens"] += tokens or 0


def _numbers(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in ("files", "bytes", "tokens")}


def secrets_of(row: dict[str, Any]) -> dict[str, int]:
    """By kind, of a row of the manifest."""
    found: dict[str, int] = json.loads(row["secrets"]) if row["secrets"] else {}
    return found
