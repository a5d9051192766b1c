"""What `harness tasks import | export | grade | stats` do: suites in and out of other formats, patches of others graded, counts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import tomli_w

from harness.engines import Backend, choose_engine
from harness.extras import needs_extra
from harness.synthesis import images
from sandboxes.images.recipe import Say
from sandboxes.sandbox import Limits, opener
from tasks.errors import TaskError
from tasks.exporters import read_predictions, to_harbor, to_swe_bench
from tasks.grading import grade
from tasks.importers import ROW_FORMATS
from tasks.importers.bring import Brought, bring
from tasks.importers.directories import read_exercism, read_harbor
from tasks.importers.foreign import Foreign
from tasks.suite import Suite
from tasks.task import Difficulty, Grade, Task
from tasks.toml_file import read_toml
from tasks.writing import load_origin, save_origin
from trajectories.store import read_results

FORMATS = (*ROW_FORMATS, "harbor", "exercism")


def read_foreign(name: str, source: str, *, split: str | None = None) -> Iterator[Foreign | TaskError]:
    """The tasks of a file or a directory, or of a data set by its name; in place of one that cannot be read, why. TaskError."""
    place = Path(source)
    if name == "exercism":
        yield from read_exercism(place)
    elif name == "harbor":
        for directory in [place] if (place / "task.toml").is_file() else sorted(entry.parent for entry in place.glob("*/task.toml")):
            yield _or_error(read_harbor, directory)
    else:
        for row in _rows(place, source, split):
            yield _or_error(ROW_FORMATS[name], row)


async def import_suite(
    tasks: Iterable[Foreign | TaskError],
    output: Path,
    *,
    backend: Backend,
    clones: Path | None,
    repeats: int,
    say: Say,
    on_task: Callable[[str, str], None],
) -> Brought:
    return await bring(tasks, output, images(backend, say, jobs=1), clones=clones, repeats=repeats, say=say, on_task=on_task)


def export_suite(suite: Suite, form: Literal["harbor", "swe-bench"], output: Path) -> int:
    """How many tasks were written. TaskError where the place is taken."""
    if form == "harbor":
        for task in suite.tasks:
            to_harbor(task, output)
        return len(suite.tasks)
    if output.exists():
        raise TaskError(f"{output}: it is there already; give another --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = (json.dumps(to_swe_bench(task), ensure_ascii=False) + "\n" for task in suite.tasks)
    output.write_text("".join(rows), encoding="utf-8")
    return len(suite.tasks)


async def grade_predictions(
    suite: Suite, file: Path, *, backend: Backend, concurrency: int, say: Say, on_grade: Callable[[str, Grade], None]
) -> dict[str, Grade]:
    """Each prediction's patch through the grader. TaskError for an id that the suite does not have."""
    patches = await asyncio.to_thread(read_predictions, file)
    by_id = {task.instance_id: task for task in suite.tasks}
    if unknown := sorted({*patches} - {*by_id}):
        raise TaskError(f"{file}: {len(unknown)} predictions are for no task of {suite.name}, such as {unknown[0]}")
    grades: dict[str, Grade] = {}
    by_image: dict[str, list[Task]] = defaultdict(list)
    for name in patches:
        by_image[by_id[name].image].append(by_id[name])
    for image, tasks in by_image.items():
        engine = choose_engine(backend, image, say, concurrency=concurrency)
        slots = asyncio.Semaphore(concurrency)

        async def one(task: Task, slots: asyncio.Semaphore, engine: Any = engine) -> None:  # noqa: ANN401 - any engine
            async with slots:
                grades[task.instance_id] = await grade(task, patches[task.instance_id], opener(engine, Limits()))
            on_grade(task.instance_id, grades[task.instance_id])

        try:
            await engine.start()
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(one(task, slots))
        finally:
            await engine.close()
    return grades


def report_of(suite: Suite, grades: Mapping[str, Grade]) -> dict[str, Any]:
    """SWE-bench's report by instance."""
    report: dict[str, Any] = {}
    by_id = {task.instance_id: task for task in suite.tasks}
    for name, one in grades.items():
        expected = by_id[name].expected
        report[name] = {
            "patch_is_None": one.verdict == "no_patch",
            "patch_exists": one.verdict != "no_patch",
            "patch_successfully_applied": one.verdict not in ("no_patch", "patch_rejected"),
            "resolved": one.resolved and not one.flagged,
            "infra_failure": False,
            "tests_status": {
                list_name: {
                    "success": [test for test in tests if one.tests.get(test) == "passed"],
                    "failure": [test for test in tests if one.tests.get(test) != "passed"],
                }
                for list_name, tests in (("FAIL_TO_PASS", expected.fail_to_pass), ("PASS_TO_PASS", expected.pass_to_pass))
            },
        }
    return report


def stats_of(suite: Suite) -> dict[str, Counter[str]]:
    """Counts of the suite's tasks: by kind, difficulty, runner, mode, and by what made them."""
    counts: dict[str, Counter[str]] = {
        name: Counter(str(getattr(task, name)) for task in suite.tasks) for name in ("kind", "difficulty", "runner", "repo")
    }
    counts["mode"] = Counter(task.expected.mode for task in suite.tasks)
    origins = [load_origin(suite.directory / "tasks" / task.instance_id) for task in suite.tasks]
    known = [origin for origin in origins if origin is not None]
    counts["made by"] = Counter(origin.made_by if origin else "hand" for origin in origins)
    if known:
        counts["told"] = Counter(origin.told for origin in known if origin.told)
        counts["failing tests"] = Counter(str(origin.failing_tests) for origin in known)
        counts["operator"] = Counter(operator for origin in known for operator in origin.operators)
    return {name: count for name, count in counts.items() if count}


def estimate_again(suite: Suite, runs: Iterable[Path], *, least: int) -> dict[str, Difficulty]:
    """Difficulties by what attempts have shown, of the tasks with at least so many: solved by two thirds easy, by one in five medium.

    Written into the tasks. Attempts without a grade say nothing.
    """
    tried: Counter[str] = Counter()
    solved: Counter[str] = Counter()
    for run in runs:
        for result in read_results(run):
            if result.resolved is not None:
                tried[result.instance_id] += 1
                solved[result.instance_id] += bool(result.resolved)
    changed: dict[str, Difficulty] = {}
    for task in suite.tasks:
        if (count := tried[task.instance_id]) < least:
            continue
        rate = solved[task.instance_id] / count
        difficulty: Difficulty = "easy" if rate >= 2 / 3 else "medium" if rate >= 0.2 else "hard"
        place = suite.directory / "tasks" / task.instance_id
        if origin := load_origin(place):
            save_origin(place, origin.model_copy(update={"attempts": count, "solved": solved[task.instance_id]}))
        if difficulty != task.difficulty:
            _set_difficulty(place / "task.toml", difficulty)
            changed[task.instance_id] = difficulty
    return changed


def _set_difficulty(file: Path, difficulty: Difficulty) -> None:
    content = read_toml(file, TaskError)
    file.write_text(tomli_w.dumps({**content, "difficulty": difficulty}), encoding="utf-8")


def _or_error(read: Callable[[Any], Foreign], source: Any) -> Foreign | TaskError:  # noqa: ANN401 - a row or a path
    try:
        return read(source)
    except TaskError as error:
        return error


def _rows(place: Path, source: str, split: str | None) -> list[dict[str, Any]]:
    if place.is_file():
        text = place.read_text(encoding="utf-8")
        try:
            content = (
                json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines() if line.strip()]
            )
        except ValueError as error:
            raise TaskError(f"{place}: neither a list in JSON nor JSON lines: {error}") from error
        if not all(isinstance(row, dict) for row in content):
            raise TaskError(f"{place}: not every row is an object")
        return content
    with needs_extra("datasets"):
        import datasets
    try:
        loaded = datasets.load_from_disk(source) if place.is_dir() else datasets.load_dataset(source)
        return (
            [dict(row) for name in ([split] if split else loaded) for row in loaded[name]]
            if hasattr(loaded, "keys")
            else [dict(row) for row in loaded]
        )
    except (OSError, ValueError, KeyError) as error:
        raise TaskError(f"{source}: the data set cannot be read: {error}") from error
