"""The report as pages: a directory that opens from disk, by double click, without a server or a network.

```
index.html  leaderboard.json  scores.csv  trials.csv  site.css  site.js
runs/<key>.html  runs/<key>-ledger-<n>.html     tasks/<instance_id>.html
trial.html  data/trials.js  data/<digest>.js    one page for all trials; it loads the record that its address names
plain/<key>/<instance_id>/<trial>.html          only where asked for: transcripts that are readable without JavaScript
```
The same input gives the same bytes, and a file is written only when its content is another, so a second rendering touches what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from leaderboard import charts
from leaderboard.anatomy import WORDS
from leaderboard.chunks import CHUNK_NAME, chunk_name, write_chunk
from leaderboard.errors import LeaderboardError
from leaderboard.pages import TEMPLATES, load_templates
from leaderboard.report import Report, RunReport, build_report, scores_csv, trials_csv
from leaderboard.runs import Run, Trial, read_runs
from trajectories.disk import replace_file
from trajectories.store import StoreError, read_trajectory

LEDGER_ROWS: Final = 400
"""Of one page: 5,000 rows take two seconds to load."""
MATRIX_MARKS: Final = 6_000
"""Linked marks of the index; beyond, a cell says how many attempts resolved the task and leads to the task's page."""

_MARKER: Final = "leaderboard.json"
_COMPRESSORS: Final = 2


@dataclass(slots=True)
class Rendered:
    """What a rendering did to the directory."""

    index: Path
    report: Report
    problems: list[str]
    """One line for each run directory that could not be read."""
    written: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    unchanged: int = 0


def render(directories: Sequence[Path], output: Path, *, plain: bool = False) -> Rendered:
    """Read runs and write their report. LeaderboardError when no run can be read or `output` is something else than a report."""
    _check_output(output)
    runs, problems = read_runs(directories)
    report = build_report(runs, problems)
    site = _Site(output, report, {run.key: run for run in runs}, problems, plain=plain)
    try:
        return site.write()
    except OSError as error:
        raise LeaderboardError(f"{output}: the report cannot be written ({error.strerror or error}); give another place with -o") from error


def _check_output(output: Path) -> None:
    if not output.exists():
        return
    if not output.is_dir():
        raise LeaderboardError(f"{output} is a file; give a directory with -o")
    if any(output.iterdir()) and not (output / _MARKER).exists():
        raise LeaderboardError(f"{output} is not empty and holds no report; give another place with -o")


class _Site:
    """One rendering."""

    def __init__(self, output: Path, report: Report, runs: Mapping[str, Run], problems: list[str], *, plain: bool) -> None:
        self._output = output
        self._report = report
        self._runs = runs
        self._plain = plain
        self._labels = {run.key: run.label for run in report.runs}
        self._by_task: dict[str, list[tuple[RunReport, list[Trial]]]] = {}
        for run in report.runs:
            for trial in run.trials:
                members = self._by_task.setdefault(trial.instance_id, [])
                if not members or members[-1][0] is not run:
                    members.append((run, []))
                members[-1][1].append(trial)
        self._rendered = Rendered(output / "index.html", report, problems)
        self._wanted: set[Path] = set()
        self._pages = load_templates()

    def write(self) -> Rendered:
        for directory in ("runs", "tasks", "data"):
            (self._output / directory).mkdir(parents=True, exist_ok=True)
        self._put(_MARKER, self._report.to_json())
        self._chunks()
        for name in ("site.css", "site.js"):
            self._put(name, (TEMPLATES / name).read_text(encoding="utf-8"))
        self._put("scores.csv", scores_csv(self._report))
        self._put("trials.csv", trials_csv(self._report))
        self._put("data/trials.js", self._index_of_trials())
        self._page("trial.html", "trial.html", depth=0)
        for run in self._report.runs:
            self._run_pages(run)
        for task in self._report.tasks:
            self._page(f"tasks/{task.instance_id}.html", "task.html", depth=1, task=task, members=self._by_task[task.instance_id])
        if self._plain:
            self._plain_pages()
        self._index()
        self._remove_stale()
        return self._rendered

    def _index(self) -> None:
        runs = self._report.runs
        self._page(
            "index.html",
            "index.html",
            depth=0,
            sections=[self._section(suite, members) for suite, members in self._report.suites.items()],
            rounds=charts.rounds(runs),
        )

    def _section(self, suite: str, runs: list[RunReport]) -> dict[str, Any]:
        """What the index shows of one suite."""
        keys = {run.key for run in runs}
        tasks = [task for task in self._report.tasks if suite in task.suites]
        marks = {
            task.instance_id: {run.key: trials for run, trials in self._by_task[task.instance_id] if run.key in keys} for task in tasks
        }
        pairs = [pair for pair in self._report.comparisons if pair.first in keys and pair.second in keys]
        return {
            "suite": suite,
            "runs": runs,
            "tasks": tasks,
            "marks": marks,
            "few": max((len(attempts) for of_task in marks.values() for attempts in of_task.values()), default=0) <= 6,
            "linked": sum(len(run.trials) for run in runs) <= MATRIX_MARKS,
            "pairs": pairs,
            "between": {(pair.first, pair.second): pair for pair in pairs},
            "charts": [
                chart
                for chart in (charts.cost_and_score(runs), charts.pass_curves(runs, every=False), charts.pass_curves(runs, every=True))
                if chart
            ],
        }

    def _run_pages(self, run: RunReport) -> None:
        ledger = _ledger(run)
        pages = [ledger[start : start + LEDGER_ROWS] for start in range(0, len(ledger), LEDGER_ROWS)] or [[]]
        names = [f"{run.key}.html", *(f"{run.key}-ledger-{number}.html" for number in range(2, len(pages) + 1))]
        pairs = [pair for pair in self._report.comparisons if run.key in (pair.first, pair.second)]
        for number, (name, rows) in enumerate(zip(names, pages, strict=True), 1):
            self._page(f"runs/{name}", "run.html", depth=1, run=run, rows=rows, number=number, names=names, pairs=pairs)

    def _plain_pages(self) -> None:
        for run in self._report.runs:
            for trial in (*run.trials, *run.retries):
                if trial.record_sha256 is None:
                    continue
                try:
                    record = read_trajectory(self._runs[run.key].place(trial))
                except StoreError:  # it was replaced since: the run goes on
                    continue
                name = f"plain/{run.key}/{trial.instance_id}/{trial.name}.html"
                self._page(name, "plain.html", depth=3, run=run, trial=trial, record=record, ends=_turn_ends(record.messages, record.turns))

    def _chunks(self) -> None:
        """The records, two at a time: compression runs beside the interpreter."""
        places: dict[str, Path] = {
            trial.record_sha256: self._runs[run.key].place(trial)
            for run in self._report.runs
            for trial in (*run.trials, *run.retries)
            if trial.record_sha256
        }
        data = self._output / "data"
        with ThreadPoolExecutor(_COMPRESSORS) as pool:
            made = pool.map(lambda item: write_chunk(data, item[1] / "trajectory.json", item[0]), places.items())
            for digest, written in zip(places, made, strict=True):
                if written:
                    self._rendered.written.append(data / f"{chunk_name(digest)}.js")
                else:
                    self._rendered.unchanged += 1
        names = {chunk_name(digest) for digest in places}
        self._wanted |= {file for file in data.glob("*.js") if (found := CHUNK_NAME.fullmatch(file.name)) and found[1] in names}

    def _index_of_trials(self) -> str:
        """Which trials there are of a task, in the order in which the viewer goes through them."""
        number = {run.key: index for index, run in enumerate(self._report.runs)}
        trials: dict[str, list[list[object]]] = {
            task: [
                [number[run.key], trial.name, chunk_name(trial.record_sha256) if trial.record_sha256 else "", trial.outcome]
                for run, attempts in members
                for trial in (*attempts, *(retry for retry in run.retries if retry.instance_id == task))
            ]
            for task, members in self._by_task.items()
        }
        content: dict[str, object] = {
            "runs": [[run.key, run.label] for run in self._report.runs],
            "outcomes": {"resolved": "resolved"} | {str(cause): words for cause, words in WORDS.items()},
            "tasks": trials,
        }
        return f"harnessTrials({json.dumps(content, separators=(',', ':'))})\n"

    def _page(self, name: str, template: str, *, depth: int, **values: Any) -> None:  # noqa: ANN401 - what a template shows
        page = self._pages.get_template(template)
        self._put(name, page.render(root="../" * depth, report=self._report, labels=self._labels, plain=self._plain, **values))

    def _put(self, name: str, content: str) -> None:
        file = self._output / name
        self._wanted.add(file)
        encoded = content.encode("utf-8", "replace")
        if file.is_file() and file.read_bytes() == encoded:
            self._rendered.unchanged += 1
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, encoded, lasting=False)
        self._rendered.written.append(file)

    def _remove_stale(self) -> None:
        """Pages and chunks of an earlier report that this one does not have."""
        ours: Iterable[Path] = (
            file for pattern in ("runs/*.html", "tasks/*.html", "data/*.js", "plain/*/*/*.html") for file in self._output.glob(pattern)
        )
        for file in sorted(set(ours) - self._wanted):
            file.unlink()
            self._rendered.removed.append(file)


def _ledger(run: RunReport) -> list[Trial]:
    """Every attempt, the failed tries at it before it."""
    tries: dict[tuple[str, int], list[Trial]] = {}
    for retry in run.retries:
        tries.setdefault((retry.instance_id, retry.attempt), []).append(retry)
    return [each for trial in run.trials for each in (*tries.get((trial.instance_id, trial.attempt), []), trial)]


def _turn_ends(messages: Sequence[object], turns: Sequence[Any]) -> list[tuple[int, int]]:
    """Where the messages of each turn begin and end."""
    starts = [turn.message_index for turn in turns]
    return list(zip(starts, [*starts[1:], len(messages)], strict=True))
