"""Suites in other formats: Harbor directories, SWE-bench rows; and patches that others wrote, read from their predictions.

What leaves the house is graded by whoever runs it. A Harbor task of ours carries our reporter and the list of expected tests, and runs the tests
in one process with the source, which is all that its format has.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli_w

from sandboxes.images.recipe import load_recipe
from tasks.errors import TaskError
from tasks.patches import changed_paths, matching
from tasks.reports import TYPECHECK, file_of
from tasks.task import Task
from tasks.tree import write_files

_REPORTERS: Final = Path(__file__).parent / "reporters"
_HARBOR: Final = Path(__file__).parent / "harbor"
_DOCKERFILE: Final = """\
FROM {base}
RUN apt-get update && apt-get install --yes --no-install-recommends git jq && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json /workspace/
RUN cd /workspace && npm install --no-save --ignore-scripts --legacy-peer-deps --no-audit --no-fund
ENV PATH="/workspace/node_modules/.bin:$PATH"
WORKDIR /workspace/repo
COPY repo/ /workspace/repo/
RUN git init --quiet && git add --all --force . && git -c user.name=base -c user.email=base@localhost commit --quiet --message=Base
"""


def to_harbor(task: Task, directory: Path) -> Path:
    """Write the task as a Harbor directory below `directory`; where. TaskError when it is there already."""
    place = directory / task.instance_id
    if place.exists():
        raise TaskError(f"{place}: it is there already; give another --output")
    recipe = load_recipe(task.image)
    environment = place / "environment"
    environment.mkdir(parents=True)
    (environment / "repo").mkdir()
    write_files(environment / "repo", task.tree)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(recipe.directory / name, environment / name)
    (environment / "Dockerfile").write_text(_DOCKERFILE.format(base=recipe.base), encoding="utf-8")
    (place / "instruction.md").write_text(task.problem_statement, encoding="utf-8")
    about = {
        "schema_version": "1.0",
        "task": {"name": f"harness/{task.instance_id}", "version": "1", "description": task.title, "keywords": [task.kind, task.difficulty]},
        "metadata": {"repository": task.repo, "kind": task.kind, "difficulty": task.difficulty, "created_at": task.created_at},
        "agent": {"timeout_sec": 1800.0, "network_mode": "none"},
        "verifier": {"timeout_sec": 600.0},
        "environment": {"build_timeout_sec": 600.0, "cpus": 2, "memory_mb": 2048, "storage_mb": 4096, "network_mode": "none", "workdir": "/workspace/repo"},
    }  # fmt: skip
    (place / "task.toml").write_text(tomli_w.dumps(about), encoding="utf-8")
    (place / "solution").mkdir()
    (place / "solution" / "oracle.patch").write_bytes(task.patch.encode("utf-8", "surrogateescape"))
    (place / "solution" / "solve.sh").write_text(
        '#!/bin/bash\ncd /workspace/repo && git apply "$(dirname "$0")/oracle.patch"\n', encoding="utf-8"
    )
    tests = place / "tests"
    tests.mkdir()
    (tests / "hidden.patch").write_bytes(task.test_patch.encode("utf-8", "surrogateescape"))
    reporter = f"{task.runner.replace(':', '-')}.mjs"
    for source in (_HARBOR / "test.sh", _HARBOR / "verify.mjs", *([_REPORTERS / reporter] if task.runner != "reward" else [])):
        shutil.copyfile(source, tests / source.name)
    wanted = (*task.expected.fail_to_pass, *task.expected.pass_to_pass)
    plan = {
        "runner": task.runner,
        "reporter": reporter,
        "files": sorted({file_of(test) for test in wanted if not test.endswith(f"::{TYPECHECK}")}),
        "expected": wanted,
        "type_errors": task.expected.type_errors,
        "type_test_files": sorted({file_of(test) for test in wanted if test.endswith(f"::{TYPECHECK}")}),
        "hidden": changed_paths(task.test_patch) if task.test_patch.strip() else [],
        "protected": matching(task.tree.files, (*task.test_files, *task.type_test_files)),
        "timeout_seconds": task.test_timeout_seconds,
    }
    (tests / "config.json").write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    return place


def to_swe_bench(task: Task) -> dict[str, Any]:
    """The task as a row of SWE-bench; the two lists are JSON in text, as on the hub."""
    return {
        "repo": task.repo,
        "instance_id": task.instance_id,
        "base_commit": task.base_commit,
        "patch": task.patch,
        "test_patch": task.test_patch,
        "problem_statement": task.problem_statement,
        "hints_text": "",
        "created_at": task.created_at,
        "version": "1",
        "FAIL_TO_PASS": json.dumps(task.expected.fail_to_pass),
        "PASS_TO_PASS": json.dumps(task.expected.pass_to_pass),
        "environment_setup_commit": task.base_commit,
    }


def read_predictions(file: Path) -> dict[str, str]:
    """Patches by instance_id: JSON lines or a list of rows, or an object by id; SWE-bench's, PolyBench's and Multi-SWE-bench's field names.

    TaskError: no such file, another shape, an id twice.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: {error}") from error
    try:
        content = json.loads(text)
    except ValueError:
        try:
            content = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise TaskError(f"{file}: neither JSON nor JSON lines: {error}") from error
    if isinstance(content, Mapping) and "instance_id" not in content and all(isinstance(row, Mapping) for row in content.values()):
        content = [{"instance_id": name, **row} for name, row in content.items()]
    rows: Sequence[Any] = content if isinstance(content, list) else [content]
    patches: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise TaskError(f"{file}: row {number} is no object")
        name = row.get("instance_id") or (f"{row['org']}__{row['repo']}-{row['number']}" if {"org", "repo", "number"} <= {*row} else None)
        patch = next((row[key] for key in ("model_patch", "fix_patch") if key in row), None)
        if not isinstance(name, str) or not (patch is None or isinstance(patch, str)):
            raise TaskError(f"{file}: row {number} has no instance_id, or a model_patch that is no text")
        if name in patches:
            raise TaskError(f"{file}: {name} is there twice")
        patches[name] = patch or ""
    return patches


def to_predictions(patches: Mapping[str, str], model: str) -> str:
    """JSON lines of `instance_id, model_name_or_path, model_patch`."""
    rows = ({"instance_id": name, "model_name_or_path": model, "model_patch": patch} for name, patch in patches.items())
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
