"""What steps have made, for those that come after them: as it was when its line was written, or the loop stops and says what to do."""

from __future__ import annotations

import json
from pathlib import Path

from harness.checkpoint import read_adapter
from harness.loop.digests import digest_of, digest_of_files
from harness.loop.entry import Entry
from harness.loop.errors import LoopStoppedError
from harness.loop.ledger import Ledger
from harness.loop.numbers import Step
from harness.loop.rows import digest_of_rows, rows_in
from harness.loop.trials import runs_in, tally
from training.expectation import Expectation, read_expectation


class Kept:
    """Each raises LoopStoppedError when what is there is not, any more, what the step has made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def entry(self, number: int, step: Step) -> Entry:
        """Of a step that is done."""
        entry = self._ledger.find(number, step)
        assert entry is not None
        return entry

    def tasks(self, number: int) -> tuple[str, ...]:
        """Those that were chosen."""
        place = self._ledger.place(number, "choose")
        try:
            tasks = tuple(json.loads(place.read_bytes())["tasks"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            tasks = ()
        self._check(place, digest_of(tasks), self.entry(number, "choose"), "the choice that was made", "choose again")
        return tasks

    def runs(self, number: int, step: Step) -> list[Path]:
        """The run directories of sampling, demonstrations or an evaluation. That a record is the one of its line in a run's index is seen by whoever reads it."""
        place = self._ledger.place(number, step)
        runs = [place] if step in ("base", "evaluation") else runs_in(place)
        self._check(place, tally(runs).digest, self.entry(number, step), "the trials that were run", "run them again")
        return runs

    def rows(self, number: int) -> tuple[Path, ...]:
        """The directories of rows."""
        place = self._ledger.place(number, "rows")
        self._check(place, digest_of_rows(place), self.entry(number, "rows"), "the rows that were chosen", "choose them again")
        return rows_in(place)

    def adapter(self, number: int) -> Path:
        place = self._ledger.place(number, "train") / "adapter"
        read_adapter("adapter", place)
        self._check(place, digest_of_adapter(place), self.entry(number, "train"), "the adapter that was trained", "train it again")
        return place

    def expectation(self, number: int) -> Expectation:
        file = self._ledger.place(number, "expect") / "expectation.json"
        expected = read_expectation(file)
        self._check(file, digest_of_files(file), self.entry(number, "expect"), "what the trainer's model has answered", "ask it again")
        return expected

    def _check(self, place: Path, digest: str, entry: Entry, what: str, again: str) -> None:
        if digest != entry.outputs:
            whole = self._ledger.place(entry.round, entry.step)
            raise LoopStoppedError(f"{place} is not {what}: put that back, or remove {whole} to {again}")


def digest_of_adapter(place: Path) -> str:
    return digest_of_files(place / "adapter_config.json", place / "adapter_model.safetensors")
