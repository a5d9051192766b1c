"""Examples: the tokens of a document, and which of them are learnt. No torch in here: they are numpy arrays until they are packed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One document of n tokens."""

    place: str
    """Where it comes from, for messages."""
    ids: Ids
    """[n]"""
    learned: Mask
    """[n]; the first is never learnt, for nothing comes before it."""
    answers: tuple[tuple[int, int], ...] = ()
    """First token and the one after the last of each answer of the model, learnt or not, in order. Empty for plain text."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def targets(self) -> int:
        """How many tokens are learnt."""
        return int(self.learned.sum())


def example(place: str, ids: Iterable[int], learned: Iterable[bool | int], answers: Iterable[tuple[int, int]] = ()) -> Example:
    mask = np.fromiter((bool(each) for each in learned), dtype=np.bool_)
    if len(mask):
        mask[0] = False
    return Example(place, np.fromiter(ids, dtype=np.int32), mask, tuple(answers))


def digest(examples: Iterable[Example]) -> str:
    """sha256 in hex over tokens and masks: the same for the same training data, whatever files it came in."""
    total = hashlib.sha256()
    for each in examples:
        total.update(len(each).to_bytes(8, "little"))
        total.update(each.ids.astype("<i4").tobytes())
        total.update(np.packbits(each.learned).tobytes())
    return total.hexdigest()
