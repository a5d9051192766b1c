"""`harness leaderboard | view`: each renders runs and says where. True when all is as it should be; False when a run is missing in the report."""

from __future__ import annotations

import argparse
import contextlib
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.console import Screen
from harness.extras import needs_extra
from tasks.integrity import printable

if TYPE_CHECKING:
    from leaderboard.render import Rendered


def _leaderboard(options: argparse.Namespace, screen: Screen) -> bool:
    with needs_extra("leaderboard"):
        from leaderboard.render import render

    return _say(render(options.runs, options.output, plain=options.plain), screen)


def run_renderer() -> Callable[[Path, Screen], Path]:
    """Renders a run's own report, as `harness view` does, and gives its index. ConfigError now when that is not installed."""
    with needs_extra("leaderboard"):
        from harness.view import report_directory
        from leaderboard.render import render

    def render_run(run: Path, screen: Screen) -> Path:
        rendered = render([run], report_directory([run], None))
        _note(rendered, screen)
        return rendered.index

    return render_run


def _view(options: argparse.Namespace, screen: Screen) -> bool:
    with needs_extra("leaderboard"):
        from harness.view import ReportServer, report_directory
        from leaderboard.render import render

    directory = report_directory(options.runs, options.output)
    if options.serve is None:
        rendered = render(options.runs, directory, plain=options.plain)
        if options.browser:
            webbrowser.open(rendered.index.resolve().as_uri())
        return _say(rendered, screen)
    server = ReportServer(options.runs, directory, options.serve, plain=options.plain)
    _say(server.rendered, screen)
    screen.out.print(f"served at {server.address} until Ctrl-C", markup=False)
    if options.browser:
        webbrowser.open(server.address)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()
    return True


def _note(rendered: Rendered, screen: Screen) -> None:
    for warning in rendered.report.warnings:
        screen.say(f"note: {printable(warning)}")


def _say(rendered: Rendered, screen: Screen) -> bool:
    _note(rendered, screen)
    changed = f"{len(rendered.written)} files written, {rendered.unchanged} unchanged, {len(rendered.removed)} removed"
    screen.out.print(f"{rendered.index}: {len(rendered.report.runs)} runs; {changed}", markup=False)
    return not rendered.problems


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], bool]]] = {"leaderboard": _leaderboard, "view": _view}
