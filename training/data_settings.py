"""What is trained on, as a configuration says it. Nothing heavy in here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from training.section import Section

TooLong = Literal["split", "cut", "refuse"]
Reasoning = Literal["keep", "as_sent", "drop"]


class DataSettings(Section):
    train: tuple[Path, ...] = Field(min_length=1)
    """Files of rows (.jsonl, .parquet) or directories, such as `harness trajectories export` writes. Of one record's rows those with the server's own
    tokens go before those that have to be rendered."""
    validation: tuple[Path, ...] = ()
    """The same for the evaluation split; of a directory the files whose names begin with `validation`."""
    max_tokens: int = Field(gt=1)
    """Of one document. Longer ones are dealt with as `too_long` says."""
    too_long: TooLong = "split"
    """`split`: at turn borders, each piece with the task before it (text: into consecutive pieces); `cut`: the middles of the longest tool results are left
    out (of rows of tokens: of the longest turns between answers, none of which is the model's own as the template tells); `refuse`: left out. All are counted
    in the data card."""
    broken: Literal["stop", "leave_out"] = "stop"
    """A row that the template cannot render: an error, or left out and counted."""
    unstable: Literal["split", "refuse"] = "split"
    """A conversation of which the template renders an answer in another way once it is history: rows of their own for the answers that follow, or left
    out and counted."""
    reasoning: Reasoning = "keep"
    """`keep`: thinking is learnt and stays in the history; `as_sent`: it stays only where the record says that the model saw it, at the price of a row for
    nearly every answer; `drop`: it is left out of all."""
    round_trip: int = Field(default=32, ge=0)
    """How many records that came both as tokens and as conversation are rendered and compared with their tokens."""


class FillInTheMiddleSettings(Section):
    rate: float = Field(default=0.5, ge=0, le=1)
    """The share of the documents that are taken apart, long ones in pieces; 0: none."""
    suffix_first: float = Field(default=0.5, ge=0, le=1)
    """The share of those in the order suffix, prefix, middle."""
    tokens: tuple[str, str, str] | None = None
    """Names of the tokens that prefix, middle and suffix begin with; none: those that the tokenizer is known to have."""


class PackingSettings(Section):
    tokens: int = Field(gt=1)
    """In one row, which is one forward pass; not less than data.max_tokens."""
