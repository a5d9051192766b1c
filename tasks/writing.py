"""Suites written to disk, in the form that `suite` reads: a task at a time, each whole or not at all.

A suite says where it comes from: `provenance.toml` has the licence of the suite and of each repository in it, the commit, and what made it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict

from tasks.errors import TaskError
from tasks.task import Difficulty, Expected, Kind, Runner
from tasks.toml_file import read_toml
from tasks.tree import RepositoryTree, write_files


class Origin(BaseModel):
    """How a task came to be and what makes it hard: `origin.json` beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str
    """`synth`, `mine`, or the format that it was imported from."""
    commit: str | None = None
    operators: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    failing_tests: int = 0
    files: int = 1
    combined: int = 1
    """How many mutants together."""
    told: str = ""
    """How much the statement tells."""
    statement_by: str = ""
    notes: tuple[str, ...] = ()
    attempts: int = 0
    """By which the difficulty was estimated again; 0 where it was not."""
    solved: int = 0


class NewRepository(BaseModel):
    """A repository as it is written: `repos/<name>.toml`, and its line in provenance.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str
    licence: str
    runner: Runner
    test_files: tuple[str, ...]
    type_test_files: tuple[str, ...] = ()
    image: str = "node24"
    test_timeout_seconds: float = 60.0
    origin: str = ""
    commit: str | None = None
    made_by: str = ""
    notes: tuple[str, ...] = ()


class NewTask(BaseModel):
    """A task as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance_id: str
    repo: str
    title: str
    kind: Kind
    difficulty: Difficulty
    created_at: str
    problem_statement: str
    patch: str
    base_patch: str = ""
    test_patch: str = ""
    hidden: tuple[str, ...] = ()
    """Files of the repository that the agent does not see and grading has."""
    editable: tuple[str, ...] = ()
    expected: Expected
    origin: Origin


class SuiteWriter:
    """Writes into a directory; what is there already stays."""

    def __init__(self, directory: Path, *, name: str, description: str, licence: str) -> None:
        """TaskError when the directory holds something else than a suite."""
        if directory.exists() and any(directory.iterdir()) and not ((directory / "suite.toml").is_file() or (directory / ".work").is_dir()):
            raise TaskError(f"{directory}: it is not empty and no suite; give another --output")
        self.directory = directory
        self._about = {"name": name, "version": "1", "description": description, "licence": licence}

    def begin(self) -> None:
        """Make the directory and its suite.toml, where they are not there yet."""
        (self.directory / "tasks").mkdir(parents=True, exist_ok=True)
        file = self.directory / "suite.toml"
        if not file.exists():
            file.write_text(tomli_w.dumps({**self._about, "splits": {}}), encoding="utf-8")
        self._note({"suite": {"licence": self._about["licence"]}})

    def add_repository(self, repository: NewRepository, tree: RepositoryTree, packages: tuple[bytes, bytes] | None = None) -> None:
        """Write the tree, unless it is there; `packages` are package.json and lockfile of its image."""
        repos = self.directory / "repos"
        place = repos / repository.name
        if not place.exists():
            staging = repos / f".{repository.name}"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            write_files(staging, tree)
            staging.rename(place)
        about = repository.model_dump(mode="json", exclude={"name", "origin", "commit", "made_by", "notes"})
        (repos / f"{repository.name}.toml").write_text(tomli_w.dumps(about), encoding="utf-8")
        if packages is not None:
            image = self.directory / "images" / repository.image
            image.mkdir(parents=True, exist_ok=True)
            (image / "package.json").write_bytes(packages[0])
            (image / "package-lock.json").write_bytes(packages[1])
        said = repository.model_dump(mode="json", include={"licence", "origin", "commit", "made_by", "notes"}, exclude_none=True)
        self._note({"repositories": {repository.name: said}})

    def add_task(self, task: NewTask) -> None:
        """Write one task; it is there whole, or not at all."""
        place = self.directory / "tasks" / task.instance_id
        staging = place.with_name(f".{task.instance_id}")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        about = task.model_dump(include={"instance_id", "repo", "title", "kind", "difficulty", "created_at"})
        about |= {key: list(value) for key, value in (("hidden", task.hidden), ("editable", task.editable)) if value}
        (staging / "task.toml").write_text(tomli_w.dumps(about), encoding="utf-8")
        (staging / "problem_statement.md").write_text(task.problem_statement.strip() + "\n", encoding="utf-8")
        for name, patch in (("gold.patch", task.patch), ("base.patch", task.base_patch), ("test.patch", task.test_patch)):
            if patch:
                (staging / name).write_bytes(patch.encode("utf-8", "surrogateescape"))
        (staging / "expected.json").write_text(_json(task.expected), encoding="utf-8")
        (staging / "origin.json").write_text(_json(task.origin), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        staging.rename(place)

    def _note(self, said: Mapping[str, Any]) -> None:
        """Lay what is said over provenance.toml."""
        file = self.directory / "provenance.toml"
        content: dict[str, Any] = read_toml(file, TaskError) if file.exists() else {}
        for key, value in said.items():
            content[key] = {**content.get(key, {}), **value}
        file.write_text(tomli_w.dumps(content), encoding="utf-8")


def load_origin(place: Path) -> Origin | None:
    """How the task in a directory came to be, or None where nothing says it. TaskError when it cannot be read."""
    file = place / "origin.json"
    if not file.exists():
        return None
    try:
        return Origin.model_validate_json(file.read_bytes())
    except ValueError as error:
        raise TaskError(f"{file}: {str(error).splitlines()[0]}") from error


def save_origin(place: Path, origin: Origin) -> None:
    (place / "origin.json").write_text(_json(origin), encoding="utf-8")


def _json(model: BaseModel) -> str:
    return json.dumps(model.model_dump(), indent=1, ensure_ascii=False) + "\n"
