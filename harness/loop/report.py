"""The report of a loop: the leaderboard of its evaluations, and a page of its own that says what each round was made from and what it cost."""

from __future__ import annotations

from pathlib import Path

from harness.loop.account import LoopAccount, account_of, evaluations_of
from harness.loop.errors import LoopStoppedError
from leaderboard import charts
from leaderboard.pages import load_templates
from leaderboard.render import Rendered, render
from trajectories.disk import replace_file


def write_report(directory: Path, output: Path) -> tuple[Path, Rendered]:
    """`loop.html` and `loop.json` in the directory of the leaderboard. LoopStoppedError when nothing is evaluated yet."""
    account = account_of(directory)
    runs = evaluations_of(directory)
    if not runs:
        raise LoopStoppedError(f"{directory}: nothing is evaluated yet, so there is nothing to report; see harness loop status")
    rendered = render(runs, output)
    page = output / "loop.html"
    replace_file(output / "loop.json", (account.model_dump_json(indent=1) + "\n").encode(), lasting=False)
    replace_file(page, _page(account, rendered).encode(), lasting=False)
    return page, rendered


def _page(account: LoopAccount, rendered: Rendered) -> str:
    keys = {run.round.number: run.key for run in rendered.report.runs if run.round is not None and run.directory == "evaluation"}
    base = next((run for run in rendered.report.runs if run.directory == "base"), None)
    return (
        load_templates()
        .get_template("loop.html")
        .render(
            root="",
            report=rendered.report,
            account=account,
            base=base,
            keys=keys,
            chart=charts.rounds(rendered.report.runs, base),
            parts_of_time=("model", "tests", "training", "own"),
        )
    )
