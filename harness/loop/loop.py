"""A loop from its file: the directory taken up, what a killed one left running ended, the server there, and the rounds done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from harness.evaluate import Started, free_space
from harness.loop.child import end_what_is_left
from harness.loop.config import BEGUN, LoopConfig
from harness.loop.errors import LoopStoppedError
from harness.loop.inputs import suites_of
from harness.loop.ledger import Ledger
from harness.loop.refusals import refuse
from harness.loop.rounds import Loop, Say
from harness.loop.served import serving
from harness.run import OnResult

_LEAST_FREE_BYTES = 512 * 1024 * 1024


async def run_loop(config: LoopConfig, say: Say, on_start: Callable[[Started], OnResult]) -> None:
    """Until all rounds are done. ConfigError and TaskError before anything is spent, LoopStoppedError in the middle of it."""
    refuse(config, *suites_of(config))
    directory = config.directory
    place, free = free_space(directory)
    if free < _LEAST_FREE_BYTES:
        raise LoopStoppedError(f"{place}: only {free // 2**20} MiB are free, a loop needs {_LEAST_FREE_BYTES // 2**20}: free some")
    with Ledger(directory) as ledger:
        mark = mark_of(directory)
        if left := end_what_is_left(mark):
            say(f"{left} processes that an interrupted loop left behind are ended")
        (directory / BEGUN).write_text(config.to_toml(), encoding="utf-8")
        async with serving(config, directory, mark, say) as served:
            await Loop(config, ledger, served, mark, say, on_start).run()


def mark_of(directory: Path) -> str:
    """By which the processes of a loop are known, also those that outlive it."""
    return f"loop-{hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]}"
