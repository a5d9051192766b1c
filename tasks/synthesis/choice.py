"""Which change is tried next: mutants in their order, now and then some together, none twice, and not too many in one function."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tasks.synthesis.ledger import Ledger
from tasks.synthesis.mutants import Change, Mutant, MutantList, Reach, change_of, in_turn

_EASY_TO_COMBINE: Final = 5
_TRIES_TO_COMBINE: Final = 20
_SINGLES_A_COMBINED: Final = 4


@dataclass(slots=True)
class Tally:
    """How far the work is."""

    mutants: int = 0
    usable: int = 0
    """Reached by a test."""
    tried: int = 0
    kept: int = 0
    combined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why others were not kept."""


class Choice:
    """What the workers of one run take their changes from. What is in the ledger already counts as tried."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        listed: MutantList,
        reach: Reach,
        ledger: Ledger,
        *,
        type_tests: bool,
        limit: int | None,
        per_function: int,
        seed: int,
    ) -> None:
        """`files`: of the repository as it is; `type_tests`: it has some, and they alone notice a type."""
        self._files = files
        self._ledger = ledger
        self._limit = limit
        self._per_function = per_function
        self._chance = random.Random(seed)  # noqa: S311 - a choice, no secret
        self._by_id = {mutant.id: mutant for mutant in listed.mutants}
        self._in_function: Counter[tuple[str, str | None]] = Counter()
        self._singles: dict[str, int] = {}
        """Kept single mutants by id, and how many tests each fails."""
        self._seen: set[str] = set()
        self._since_combined = 0
        usable = [each for each in listed.mutants if (type_tests if each.kind == "types" else reach.files(each))]
        self.tally = Tally(mutants=len(listed.mutants), usable=len(usable))
        self.tally.reasons["no test reaches it"] = len(listed.mutants) - len(usable)
        self._order: Iterator[Mutant] = iter(in_turn(usable, seed=seed))
        for digest, entry in ledger.entries.items():
            self.count(digest, entry)

    def changes(self) -> Iterator[Change]:
        """What is tried next: mutants in their order, and now and then some together that were kept alone."""
        while not self.is_done:
            if self._since_combined >= _SINGLES_A_COMBINED and (combined := self._combine()) is not None:
                self._since_combined = 0
                yield combined
                continue
            mutant = next(self._order, None)
            if mutant is None:
                combined = self._combine() if self.tally.combined * _SINGLES_A_COMBINED < len(self._singles) else None
                if combined is None:
                    return
                yield combined
                continue
            if self._in_function[mutant.file, mutant.function] >= self._per_function:
                self.tally.reasons["enough of its function"] += 1
                continue
            change = change_of([mutant], self._files)
            if change is None or not self._is_new(change):
                continue
            yield change

    @property
    def is_done(self) -> bool:
        return self._limit is not None and self.tally.kept >= self._limit

    def count(self, digest: str, entry: Mapping[str, Any]) -> None:
        """Take an outcome into what the next choices rest on."""
        self._seen.add(digest)
        self.tally.tried += 1
        if entry["reason"]:
            self.tally.reasons[entry["reason"]] += 1
            return
        mutants = [self._by_id[key] for key in entry["mutants"] if key in self._by_id]
        self.tally.kept += 1
        if len(mutants) == 1:
            self._singles[mutants[0].id] = entry["failing"]
            self._in_function[mutants[0].file, mutants[0].function] += 1
            self._since_combined += 1
        else:
            self.tally.combined += 1

    def _combine(self) -> Change | None:
        """Two or three mutants of different functions, each of which fails tests alone, and few."""
        few = [key for key, failing in self._singles.items() if failing <= _EASY_TO_COMBINE]
        for _ in range(_TRIES_TO_COMBINE):
            count = self._chance.choice((2, 2, 3))
            if len(few) < 2 * count:
                return None
            mutants = [self._by_id[key] for key in self._chance.sample(sorted(few), count)]
            if len({(mutant.file, mutant.function) for mutant in mutants}) < count or any(mutant.kind == "feature" for mutant in mutants):
                continue
            change = change_of(mutants, self._files)
            if change is not None and change.digest not in self._seen:
                self._seen.add(change.digest)
                return change
        return None

    def _is_new(self, change: Change) -> bool:
        if change.digest in self._seen:
            if change.digest not in self._ledger.entries:
                self.tally.reasons["a duplicate"] += 1
            return False
        self._seen.add(change.digest)
        return True
