"""Files that are there more than once: the same, or nearly. Of each group the first is kept.

Fingerprints lie on the disk. One band of all files is looked at a time, so that memory holds some 60 bytes a file; files that meet in a band are compared
by their signatures, and those that are similar enough are of one group (union-find), also by way of a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from training.corpus.cleaning import Part
from training.corpus.fingerprints import BANDS, PERMUTATIONS
from training.corpus.settings import DuplicateSettings

Places = npt.NDArray[np.int64]

_COMPARED: Final = 4_096
"""Pairs at a time."""


class Duplicates:
    """Of all kept files of the parts, numbered through in their order."""

    def __init__(self, work: Path, parts: Sequence[Part], settings: DuplicateSettings) -> None:
        self._work = work
        self._names = [part.name for part in parts]
        self.starts: Places = np.cumsum([0, *(part.kept for part in parts)])
        count = int(self.starts[-1])
        self.first: Places = np.arange(count)
        """The file that stands for each: itself when it is kept."""
        self.exact = np.zeros(count, dtype=np.bool_)
        if settings.exact and count:
            self._find_exact()
        if settings.near and count:
            self._find_near(settings.similarity)

    def _find_exact(self) -> None:
        contents = np.concatenate([np.load(self._work / f"{name}.npy") for name in self._names])
        order = np.lexsort((contents[:, 1], contents[:, 0]))  # stable: the first of each group is the first of all
        same = (contents[order[1:]] == contents[order[:-1]]).all(axis=1)
        group = np.concatenate([[0], np.cumsum(~same)])
        heads = order[np.concatenate([[True], ~same])]
        self.first[order] = heads[group]
        self.exact = self.first != np.arange(len(self.first))

    def _find_near(self, similarity: float) -> None:
        comparable = np.concatenate([np.load(self._work / f"{name}.comparable.npy") for name in self._names])
        candidates = np.flatnonzero(comparable & ~self.exact)
        tree = _Groups(len(self.first))
        opened = _Signatures(self._work, self._names, self.starts)
        for band in range(BANDS):
            hashes = np.concatenate([np.load(self._work / f"{name}.bands.npy", mmap_mode="r")[band] for name in self._names])[candidates]
            order = np.argsort(hashes, kind="stable")
            ranked = hashes[order]
            same = np.concatenate([[False], ranked[1:] == ranked[:-1]])
            if not same.any():
                continue
            heads = np.flatnonzero(~same)
            head_of = heads[np.cumsum(~same) - 1]
            for start in range(0, len(order), _COMPARED * 16):
                chosen = start + np.flatnonzero(same[start : start + _COMPARED * 16])
                left, right = candidates[order[head_of[chosen]]], candidates[order[chosen]]
                apart = tree.apart(left, right)
                self._unite(tree, opened, left[apart], right[apart], similarity)
        roots = tree.roots(candidates)
        self.first[candidates] = roots
        # Those that are the same as a file that has gone, go the same way.
        self.first = self.first[self.first]

    def _unite(self, tree: _Groups, opened: _Signatures, left: Places, right: Places, similarity: float) -> None:
        for start in range(0, len(left), _COMPARED):
            one, other = left[start : start + _COMPARED], right[start : start + _COMPARED]
            alike = (opened.of(one) == opened.of(other)).mean(axis=1, dtype=np.float32) >= similarity
            for first, second in zip(one[alike].tolist(), other[alike].tolist(), strict=True):
                tree.unite(first, second)


class _Groups:
    """Union-find; the smallest number of a group is its root."""

    def __init__(self, count: int) -> None:
        self._parent: Places = np.arange(count)

    def root(self, place: int) -> int:
        parent = self._parent
        while (above := int(parent[place])) != place:
            parent[place] = parent[above]
            place = int(parent[place])
        return place

    def unite(self, first: int, second: int) -> None:
        one, other = self.root(first), self.root(second)
        self._parent[max(one, other)] = min(one, other)

    def roots(self, places: Places) -> Places:
        found = places
        while not np.array_equal(above := self._parent[found], found):
            found = above
        return found

    def apart(self, left: Places, right: Places) -> npt.NDArray[np.bool_]:
        """Which pairs are not known to be of one group."""
        apart: npt.NDArray[np.bool_] = self.roots(left) != self.roots(right)
        return apart


class _Signatures:
    """Rows of many files, by the numbers of what they are of; a file is open only while it is read."""

    def __init__(self, work: Path, names: Sequence[str], starts: Places) -> None:
        self._work = work
        self._names = names
        self._starts = starts

    def of(self, places: Places) -> npt.NDArray[np.uint32]:
        found = np.empty((len(places), PERMUTATIONS), dtype=np.uint32)
        parts = np.searchsorted(self._starts, places, side="right") - 1
        for part in np.unique(parts).tolist():
            chosen = parts == part
            rows = np.load(self._work / f"{self._names[part]}.signatures.npy", mmap_mode="r")
            found[chosen] = rows[places[chosen] - self._starts[part]]
        return found
