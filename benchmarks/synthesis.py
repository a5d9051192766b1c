"""How many tasks come of a repository, and how long one takes: `python -m benchmarks.synthesis [REPO …] --limit 20`.

Without REPO the repositories of the core suite. Each row is a run of its own, into a directory that is removed. The load is that of the machine
before the row began: what else runs there takes its share.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.synthesis import synthesise_suite
from tasks.errors import TaskError
from tasks.suite import load_suite
from tasks.synthesis.choice import Tally
from tasks.synthesis.project import Choices, read_project
from tasks.synthesis.synth import SynthSettings

CORE = Path(load_suite("core").directory) / "repos"


async def one(repository: Path, limit: int, jobs: int, backend: str, output: Path) -> tuple[Tally, float, float]:
    """What came of it; seconds until the first mutant was tried, and from then on."""
    began = time.monotonic()
    first: list[float] = []

    def watch(tally: Tally) -> None:
        if not first:
            first.append(time.monotonic())

    tally = await synthesise_suite(
        repository, Choices(), output, SynthSettings(limit=limit, jobs=jobs), backend=backend, deps=None, say=lambda line: None,
        on_progress=watch, write=None,
    )  # type: ignore[arg-type]  # fmt: skip
    return tally, first[0] - began, time.monotonic() - first[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="*", type=Path, metavar="REPO")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--backend", default="auto")
    options = parser.parse_args()
    table = Table(title=f"{options.limit} tasks, {options.jobs} at once")
    for column in ("repository", "lines", "load", "mutants", "tried", "kept", "yield", "ready s", "s a task"):
        table.add_column(column, justify="left" if column == "repository" else "right")
    for repository in options.repositories or sorted(entry for entry in CORE.iterdir() if entry.is_dir()):
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as scratch:
            try:
                project = read_project(repository, Choices())
                lines = sum(project.tree.files[path].count(b"\n") for path in project.sources)
                tally, ready, rest = asyncio.run(one(repository, options.limit, options.jobs, options.backend, Path(scratch) / "suite"))
            except TaskError as error:
                table.add_row(repository.name, "", f"{load:.0f}", str(error)[:80])
                continue
        share = f"{100 * tally.kept / max(1, tally.tried):.0f}%"
        cells = (lines, f"{load:.0f}", tally.mutants, tally.tried, tally.kept, share, f"{ready:.0f}", f"{rest / max(1, tally.kept):.1f}")
        table.add_row(repository.name, *map(str, cells))
        Console(stderr=True).print(f"{repository.name}: {tally.kept} of {tally.tried}")
    Console().print(table)


if __name__ == "__main__":
    main()
