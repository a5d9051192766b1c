"""`harness tasks list | show | validate`: each calls one function and prints. True when all is as it should be; False when a task is not valid."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from harness.console import Screen
from tasks.suite import load_suite


async def _list(options: argparse.Namespace, screen: Screen) -> bool:
    suite = load_suite(options.suite).select(options.tasks)
    if options.json:
        shown = {"instance_id", "repo", "title", "kind", "difficulty", "runner"}
        print(json.dumps([task.model_dump(mode="json", include=shown) for task in suite.tasks], indent=1))
        return True
    rows = [(task.instance_id, task.kind, task.difficulty, task.runner, task.title) for task in suite.tasks]
    screen.table(("task", "kind", "difficulty", "runner", "title"), rows)
    screen.out.print(f"{len(suite.tasks)} tasks on {len({task.repo for task in suite.tasks})} repositories")
    for name, reason in suite.quarantined.items():
        screen.out.print(f"quarantined: {name}: {reason}", markup=False)
    return True


async def _show(options: argparse.Namespace, screen: Screen) -> bool:
    task = load_suite(options.suite).select([options.instance_id]).tasks[0]
    if options.json:
        print(json.dumps({**task.model_dump(mode="json"), "base_commit": task.base_commit}, indent=1))
        return True
    out = screen.out
    out.print(f"{task.instance_id}: {task.title}", style="bold", markup=False)
    out.print(
        f"{task.kind}, {task.difficulty}, {task.runner}, repository {task.repo} at {task.base_commit[:12]}, {len(task.tree.files)} files"
    )
    out.print(f"\n{task.problem_statement}", markup=False)
    out.print(f"{len(task.expected.fail_to_pass)} tests must come to pass, {len(task.expected.pass_to_pass)} must go on passing")
    if options.gold:
        out.print(f"\n{task.patch}", markup=False)
    return True


async def _validate(options: argparse.Namespace, screen: Screen) -> bool:
    from harness.validation import validate_suite

    invalid = await validate_suite(
        options.suite,
        options.tasks,
        backend=options.sandbox or "auto",
        repeats=options.repeats,
        concurrency=options.concurrency or 2,
        record=options.record,
        quarantine=options.quarantine,
        say=screen.say,
        print_line=lambda line: screen.out.print(line, markup=False),
    )
    return invalid == 0


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Coroutine[Any, Any, bool]]]] = {
    "list": _list,
    "show": _show,
    "validate": _validate,
}
