"""`harness tasks validate`: a suite's tasks through the grader, what came of it on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from harness.engines import Backend, choose_engine
from sandboxes.images.recipe import Say
from sandboxes.sandbox import Limits, opener
from tasks.suite import load_quarantine, load_suite, save_expected, save_quarantine
from tasks.task import Task
from tasks.validate import Validation, validate


async def validate_suite(
    name: str,
    patterns: Sequence[str],
    *,
    backend: Backend,
    repeats: int,
    concurrency: int,
    record: bool,
    quarantine: bool,
    say: Say,
    print_line: Callable[[str], None],
) -> int:
    """Validate the chosen tasks, quarantined ones too; how many are not valid.

    With `record` the expectations of valid tasks are written, with `quarantine` the reasons of the others; a task that is valid again leaves
    the quarantine.
    """
    suite = load_suite(name, quarantined=True, unrecorded=record).select(patterns)
    reasons = load_quarantine(suite.directory)
    invalid = 0
    done = 0
    engine_name = ""
    for image in sorted({task.image for task in suite.tasks}):
        tasks = [task for task in suite.tasks if task.image == image]
        async for result, name_there in _results(tasks, image, backend, say, repeats=repeats, concurrency=concurrency, record=record):
            engine_name = name_there
            done += 1
            task = result.task
            if result.problems:
                invalid += 1
                if quarantine:
                    reasons[task.instance_id] = result.problems[0]
            else:
                reasons.pop(task.instance_id, None)
                if record:
                    save_expected(suite, task.instance_id, result.expected)
            state = "valid" if not result.problems else "NOT VALID: " + "; ".join(result.problems)
            tests = f"{len(result.expected.fail_to_pass)} fail to pass, {len(result.expected.pass_to_pass)} pass to pass"
            if result.expected.flaky:
                tests += f", {len(result.expected.flaky)} flaky"
            if not result.problems:
                tests += f", {result.expected.mode}"
            print_line(f"[{done}/{len(suite.tasks)}] {task.instance_id}: {state} ({tests}, {result.grade_seconds:.1f} s a grade)")
    if quarantine:
        save_quarantine(suite.directory, reasons)
    print_line(f"{len(suite.tasks) - invalid} of {len(suite.tasks)} tasks are valid, {repeats} times each on {engine_name}")
    return invalid


async def _results(
    tasks: Sequence[Task], image: str, backend: Backend, say: Say, *, repeats: int, concurrency: int, record: bool
) -> AsyncIterator[tuple[Validation, str]]:
    """The validations of the tasks of one image, and the engine's name."""
    engine = choose_engine(backend, image, say, concurrency=concurrency)
    try:
        await engine.start()
        async for result in validate(tasks, opener(engine, Limits()), repeats=repeats, concurrency=concurrency, record=record):
            yield result, engine.name
    finally:
        await engine.close()
