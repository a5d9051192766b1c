"""The rounds' models: made from an adapter, served, and proven to be what was trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.config import ModelSettings
from harness.loop import training
from harness.loop.config import LoopConfig
from harness.loop.entry import Split
from harness.loop.errors import LoopStoppedError
from harness.loop.kept import Kept
from harness.loop.ledger import Ledger
from harness.loop.served import Served
from harness.parity import TOLERANCES, check_parity
from training.config import Config

REMOVED = "removed"
"""The file that `harness loop gc` leaves in the place of an export."""


class Models:
    def __init__(self, config: LoopConfig, ledger: Ledger, served: Served, mark: str, say: Callable[[str], None]) -> None:
        self._config = config
        self._ledger = ledger
        self._served = served
        self._mark = mark
        self._say = say
        self._kept = Kept(ledger)

    @property
    def merged(self) -> bool:
        """Whether a checkpoint with the adapter in it is served, and not the adapter."""
        return self._served.merged

    def written(self, number: int) -> Config:
        """The configuration that the round was trained with."""
        method = training.method_of(self._config, number)
        place = self._ledger.place(number, "train")
        return training.training_config(self._config, method, rows=(Path("unused"),), output=place, seed=0, start=None)

    async def rest(self) -> Split:
        """Make room for training; what that took."""
        began = time.monotonic()
        await self._served.rest()
        return Split(model=time.monotonic() - began)

    async def export(self, number: int) -> None:
        place = self._ledger.place(number, "export")
        log = place.with_name("export.log")
        await training.export(
            self._config, self.written(number), self._kept.adapter(number), place, log, self._mark, merged=self._served.merged
        )

    async def serve(self, model: int | None) -> ModelSettings:
        """Where round `model`'s adapter answers, proven to be the one that was trained; or the base."""
        if model is None:
            return await self._served.use(None, "base")
        exported = self._ledger.place(model, "export")
        if (exported / REMOVED).exists() or not exported.exists():
            await self.export(model)
        settings = await self._served.use(exported, f"round-{model}")
        expected = self._kept.expectation(model)
        tolerance = self._config.parity.tolerance or TOLERANCES[expected.precision]
        found = await self._served.watched(check_parity(expected, settings, tolerance=tolerance))
        (exported.parent / "parity.json").write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
        self._say(f"parity: {found.words}")
        if not found.holds:
            raise LoopStoppedError(f"what is served is not what was trained: {found.words}")
        return settings
