"""What the training and the evaluation split have in common: a file is refused, rows are counted. An evaluation on what was learnt says nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from training.errors import TrainingError
from training.rows import ChatRow, ExactRow, PairRow, Row, SourceFile


@dataclass(slots=True)
class SeenRows:
    """Of one split, each by a digest of what it holds and by its record."""

    rows: list[tuple[bytes, str | None]] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append((_digest(row), row.record if isinstance(row, ChatRow | ExactRow) else None))

    def count_in(self, other: SeenRows) -> int:
        """How many hold the same as one of the other's, masks aside, or are of the same record."""
        contents = {content for content, _ in other.rows}
        records = {record for _, record in other.rows if record is not None}
        return sum(content in contents or record in records for content, record in self.rows)


def refuse_same_file(train: Sequence[SourceFile], validation: Sequence[SourceFile]) -> None:
    """TrainingError names the two that hold the same."""
    learnt = {file.sha256: file.path for file in train if file.path.stat().st_size}
    for file in validation:
        if file.sha256 in learnt:
            raise TrainingError(
                f"data.validation has {file.path}, and data.train the same as {learnt[file.sha256]}: an evaluation needs rows of its own"
            )


def _digest(row: Row) -> bytes:
    content: list[object]
    if isinstance(row, ChatRow):
        content = [row.messages, row.tools]
    elif isinstance(row, PairRow):
        content = [row.prompt, row.chosen, row.rejected, row.tools]
    else:
        content = [row.input_ids if isinstance(row, ExactRow) else row.text]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()
