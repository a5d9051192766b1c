"""What a loop may spend, by its ledger and by what is under way: it ends where a budget does, and not a step later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path

from harness.evaluate import Started
from harness.loop.config import Budgets
from harness.loop.entry import Entry
from harness.loop.errors import LoopStoppedError
from harness.loop.ledger import Ledger
from harness.loop.trials import tally
from harness.run import OnResult, RunStoppedError
from trajectories.store import Result


class Budget:
    """Of tokens and money what was answered when one is spent is spent: a rollout that is under way then is broken off, and is not counted."""

    def __init__(self, most: Budgets, ledger: Ledger) -> None:
        self._most = most
        self._ledger = ledger

    @contextlib.asynccontextmanager
    async def within(self, place: Path) -> AsyncIterator[None]:
        """A step, of which `place` may hold what a sitting before has begun. LoopStoppedError when a budget is spent, before it or in the middle."""
        hours = self._hours()
        _check("hours", hours, self._most.hours, LoopStoppedError)
        self._check(*self._spent(place), LoopStoppedError)
        limit = asyncio.timeout(None if self._most.hours is None else 3600 * (self._most.hours - hours))
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                _check("hours", self._most.hours or 0.0, self._most.hours, LoopStoppedError)
            raise

    def watching(self, place: Path, on_start: Callable[[Started], OnResult]) -> Callable[[Started], OnResult]:
        """Of a run in the step's place: RunStoppedError as soon as a result has spent a budget."""

        def started(what: Started) -> OnResult:
            show = on_start(what)
            tokens, cost = self._spent(place)

            def on_result(result: Result) -> None:
                nonlocal tokens, cost
                show(result)
                tokens += (result.usage.input_tokens or 0) + (result.usage.output_tokens or 0)
                cost += result.cost or 0.0
                self._check(tokens, cost, RunStoppedError)

            return on_result

        return started

    def _check(self, tokens: int, cost: float, failed: type[Exception]) -> None:
        _check("tokens", tokens, self._most.tokens, failed)
        _check("cost", cost, self._most.cost, failed)

    def _hours(self) -> float:
        return (sum(entry.seconds for entry in self._lines()) + self._ledger.unfinished_seconds()) / 3600

    def _spent(self, place: Path) -> tuple[int, float]:
        """Tokens and money."""
        found = tally([run for run in (place, *place.glob("*")) if (run / "config.toml").is_file()])
        lines = self._lines()
        return sum(entry.tokens for entry in lines) + found.tokens, sum(entry.cost or 0.0 for entry in lines) + (found.cost or 0.0)

    def _lines(self) -> Collection[Entry]:
        """Of a step that was taken back there is one more, and nothing more was spent."""
        return {(entry.round, entry.step, entry.inputs, entry.at): entry for entry in self._ledger.entries}.values()


def _check(name: str, spent: float, most: float | None, failed: type[Exception]) -> None:
    if most is not None and spent >= most:
        raise failed(f"the budget of {name} is spent: {spent:,.2f} of {most:,.2f}; to go on, raise budgets.{name}")
