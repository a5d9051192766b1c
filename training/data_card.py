"""The data card: what an adapter was trained on, in numbers and digests. It lies beside the adapter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from training.examples import Example, digest


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardFile(_Part):
    name: str
    """Its name and its directory's: what stands above is the machine's."""
    sha256: str
    rows: int


class RoundTrip(_Part):
    """Conversations rendered and compared with the tokens that the server told of the same records."""

    compared: int
    same: int
    first_difference: str | None = None


class SplitCard(_Part):
    """One split."""

    files: tuple[CardFile, ...]
    read: dict[str, int]
    """Rows by kind: chat, tokens, pairs, text."""
    left_out: dict[str, int]
    """Rows that gave nothing, by reason. Fully masked rows are among them."""
    changed: dict[str, int]
    """What was done to rows so that they fit, and how often."""
    examples: int
    tokens: int
    learned_tokens: int
    lengths: dict[str, int]
    """Median, p90 and the longest, in tokens."""
    shares: dict[str, float]
    """Of the tokens, those that are learnt; of the rows, each kind."""
    also_in_train: int | None = None
    """Of the evaluation split: rows that hold the same as one of the training split, or are of the same record."""
    round_trip: RoundTrip | None
    sha256: str
    """Over tokens and masks."""


class DataCard(_Part):
    schema_version: Literal[1] = 1
    method: str
    recipe: str
    tokenizer_sha256: str
    template_sha256: str | None
    start_sha256: str | None = None
    """Of the adapter that training went on from; None: it began with a fresh one."""
    max_tokens: int
    too_long: str
    train: SplitCard
    validation: SplitCard | None = None


def split_card(
    files: Sequence[CardFile],
    examples: Sequence[Example],
    *,
    read: Counter[str],
    left_out: Counter[str],
    changed: Counter[str],
    round_trip: RoundTrip | None,
) -> SplitCard:
    lengths = np.array([len(each) for each in examples] or [0])
    learned = sum(each.targets for each in examples)
    rows = max(1, read.total())
    kinds = {f"{kind} rows": count / rows for kind, count in sorted(read.items())}
    return SplitCard(
        files=tuple(files),
        read=dict(sorted(read.items())),
        left_out=dict(sorted(left_out.items())),
        changed=dict(sorted(changed.items())),
        examples=len(examples),
        tokens=int(lengths.sum()),
        learned_tokens=learned,
        lengths={"median": int(np.median(lengths)), "p90": int(np.quantile(lengths, 0.9)), "longest": int(lengths.max())},
        shares={"learned tokens": learned / max(1, int(lengths.sum())), **kinds},
        round_trip=round_trip,
        sha256=digest(examples),
    )


def sentences(split: SplitCard) -> list[str]:
    """For a person, before and after training."""
    counted = ", ".join(f"{count} {kind}" for kind, count in split.read.items()) or "none"
    size = f"{split.examples} documents, {split.tokens:,} tokens (median {split.lengths['median']:,}, longest {split.lengths['longest']:,})"
    lines = [f"rows: {counted}", f"{size}, {split.learned_tokens:,} of them learnt ({100 * split.shares['learned tokens']:.1f}%)"]
    lines += [f"{name}: {count}" for name, count in split.changed.items()]
    lines += [f"left out, {name}: {count}" for name, count in split.left_out.items()]
    if split.also_in_train:
        lines.append(f"rows that are in the training split too: {split.also_in_train}")
    if split.round_trip is not None:
        trip = split.round_trip
        lines.append(f"round trip: {trip.same} of {trip.compared} conversations render to the very tokens of the server")
        if trip.first_difference:
            lines.append(f"  first difference: {trip.first_difference}")
    return lines
