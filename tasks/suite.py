"""Suites on disk: repositories, tasks that share them, splits, and what is quarantined.

```
suite.toml                    name, version, description, licence, [splits]
repos/<repo>/                 a tree as the agent sees it; <repo>.toml beside it says how it is tested
images/<image>/               package.json and package-lock.json of an image that is made for a repository (`sandboxes.images.recipe`)
provenance.toml               the licence of the suite and of each repository, where it comes from, what made it
tasks/<instance_id>/          task.toml  problem_statement.md  gold.patch  tests/ or test.patch  [base.patch]  expected.json  [origin.json]
quarantine.toml               instance_id = "reason": written by `harness tasks validate`, left out when a suite is loaded
```
`base.patch` changes the shared tree before the agent sees it; `tests/` are files that are laid over it for grading. `hidden` in task.toml names
files of the repository that are taken from the agent's tree, and laid back for grading, in place of either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandboxes.images.recipe import keep_environment
from tasks.errors import TaskError
from tasks.patches import MalformedPatchError, patch_of_files, split_patch
from tasks.task import Difficulty, Expected, Kind, Runner, Task
from tasks.toml_file import first_complaint, read_as, read_toml
from tasks.tree import RepositoryTree, read_tree

_SHIPPED = Path(__file__).parent / "suites"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _SuiteFile(_File):
    name: str
    version: str
    description: str
    licence: str
    splits: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class _RepositoryFile(_File):
    description: str
    licence: str
    runner: Runner
    test_files: tuple[str, ...]
    type_test_files: tuple[str, ...] = ()
    image: str = "node24"
    test_timeout_seconds: float = Field(default=60.0, gt=0)


class _TaskFile(_File):
    instance_id: str
    repo: str
    title: str
    kind: Kind
    difficulty: Difficulty
    created_at: str
    editable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks, sorted by id. `digest` names their content: two runs compare only where it is the same."""

    name: str
    version: str
    description: str
    directory: Path
    tasks: tuple[Task, ...]
    splits: Mapping[str, tuple[str, ...]]
    """Repositories by split."""
    quarantined: Mapping[str, str]
    """Reasons by instance_id; these are not among the tasks."""

    @property
    def digest(self) -> str:
        digest = hashlib.sha256()
        for task in self.tasks:
            digest.update(task_digest(task).encode())
        return digest.hexdigest()

    def select(self, patterns: Iterable[str] = (), *, split: str | None = None) -> Suite:
        """Only the tasks whose id matches a pattern (`router-*`), of one split. TaskError when nothing is left or the split is unknown."""
        chosen = self.tasks
        if split is not None:
            if split not in self.splits:
                raise TaskError(f"suite {self.name} has no split {split!r}; it has: {', '.join(sorted(self.splits)) or 'none'}")
            chosen = tuple(task for task in chosen if task.repo in self.splits[split])
        wanted = tuple(patterns)
        for pattern in wanted:
            if not any(fnmatchcase(task.instance_id, pattern) for task in chosen):
                quarantine = f" ({pattern} is quarantined: {self.quarantined[pattern]})" if pattern in self.quarantined else ""
                raise TaskError(f"no task of {self.name} matches {pattern!r}{quarantine}; see `harness tasks list`")
        if wanted:
            chosen = tuple(task for task in chosen if any(fnmatchcase(task.instance_id, pattern) for pattern in wanted))
        if not chosen:
            raise TaskError(f"suite {self.name} has no task left to run")
        return replace(self, tasks=chosen)


def task_digest(task: Task) -> str:
    """sha256 in hex over all that an attempt or its grade depends on."""
    content = task.model_dump_json() + task.tree.digest
    return hashlib.sha256(content.encode()).hexdigest()


def shipped_suites() -> list[str]:
    return sorted(file.parent.name for file in _SHIPPED.glob("*/suite.toml"))


def load_suite(name_or_path: str, *, quarantined: bool = False, unrecorded: bool = False) -> Suite:
    """A shipped suite by name, or one by its directory. TaskError when it is not well-formed.

    With `quarantined` the tasks that are set apart come too; with `unrecorded` those whose expected.json is still to be written.
    """
    directory = _SHIPPED / name_or_path
    if name_or_path not in shipped_suites():
        directory = Path(name_or_path).expanduser()
        if not (directory / "suite.toml").is_file():
            raise TaskError(
                f"there is no suite {name_or_path!r}: give one of {', '.join(shipped_suites())}, or a directory with a suite.toml in it"
            )
    about = read_as(directory / "suite.toml", _SuiteFile, TaskError)
    reasons = load_quarantine(directory)
    trees: dict[str, RepositoryTree] = {}
    tasks = []
    for place in sorted(entry for entry in (directory / "tasks").glob("*") if entry.is_dir()):
        if place.name in reasons and not quarantined:
            continue
        task = _load_task(directory, place, trees)
        if not unrecorded and not task.expected.fail_to_pass:
            advice = f"`harness tasks validate {task.instance_id} --suite {name_or_path} --record`"
            raise TaskError(f"{place / 'expected.json'}: it names no test that must come to pass; write it with {advice}")
        tasks.append(task)
    repositories = {task.repo for task in tasks} | set(trees)
    for split, names in about.splits.items():
        if unknown := set(names) - repositories - {path.stem for path in (directory / "repos").glob("*.toml")}:
            raise TaskError(f"{directory / 'suite.toml'}: split {split!r} names unknown repositories: {', '.join(sorted(unknown))}")
    if not tasks:
        raise TaskError(f"{directory}: there is no task in it")
    return Suite(
        name=about.name,
        version=about.version,
        description=about.description,
        directory=directory,
        tasks=tuple(tasks),
        splits=about.splits,
        quarantined={} if quarantined else reasons,
    )


def load_quarantine(directory: Path) -> dict[str, str]:
    file = directory / "quarantine.toml"
    if not file.exists():
        return {}
    content = read_toml(file, TaskError)
    if not all(isinstance(reason, str) for reason in content.values()):
        raise TaskError(f'{file}: each line is instance_id = "reason"')
    return content


def save_quarantine(directory: Path, reasons: Mapping[str, str]) -> None:
    """Write the file, or remove it when nothing is quarantined."""
    file = directory / "quarantine.toml"
    if reasons:
        file.write_text(tomli_w.dumps(dict(sorted(reasons.items()))), encoding="utf-8")
    else:
        file.unlink(missing_ok=True)


def save_expected(suite: Suite, instance_id: str, expected: Expected) -> None:
    file = suite.directory / "tasks" / instance_id / "expected.json"
    file.write_text(json.dumps(expected.model_dump(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _load_task(directory: Path, place: Path, trees: dict[str, RepositoryTree]) -> Task:
    file = place / "task.toml"
    about = read_as(file, _TaskFile, TaskError)
    if about.instance_id != place.name:
        raise TaskError(f"{file}: instance_id is {about.instance_id!r}, the directory's name is {place.name!r}; they must be the same")
    repository = read_as(directory / "repos" / f"{about.repo}.toml", _RepositoryFile, TaskError)
    if about.repo not in trees:
        _keep_image(directory, repository.image)
        trees[about.repo] = read_tree(directory / "repos" / about.repo)
    tree = trees[about.repo]
    if (place / "base.patch").exists():
        try:
            tree = tree.patched(_read(place / "base.patch"))
        except TaskError as error:
            raise TaskError(f"{place / 'base.patch'}: {error}") from error
    expected = Expected()
    if (place / "expected.json").exists():
        try:
            expected = Expected.model_validate_json(_read(place / "expected.json"))
        except ValidationError as error:
            raise TaskError(f"{place / 'expected.json'}: {first_complaint(error)}") from error
    gold = _read(place / "gold.patch")
    if not _count_files(place / "gold.patch", gold):
        raise TaskError(f"{place / 'gold.patch'}: it is empty")
    if about.hidden:
        test_patch, tree = _hide(place, about.hidden, tree)
    else:
        test_patch = _load_tests(place, tree)
    _count_files(place / "test.patch", test_patch)
    try:
        return Task(
            **about.model_dump(exclude={"hidden"}),
            problem_statement=_read(place / "problem_statement.md").strip() + "\n",
            patch=gold,
            test_patch=test_patch,
            expected=expected,
            tree=tree,
            **repository.model_dump(exclude={"description", "licence"}),
        )
    except ValidationError as error:
        raise TaskError(f"{file}: {first_complaint(error)}") from error


def _count_files(file: Path, patch: str) -> int:
    """How many files the patch changes."""
    try:
        return sum(1 for _ in split_patch(patch))
    except MalformedPatchError as error:
        raise TaskError(f"{file}: the patch cannot be read: {error}") from error


def _load_tests(place: Path, tree: RepositoryTree) -> str:
    if (place / "test.patch").exists():
        return _read(place / "test.patch")
    if not (place / "tests").is_dir():
        raise TaskError(f"{place}: hidden tests are missing: a tests/ directory or a test.patch")
    try:
        return patch_of_files(tree.files, read_tree(place / "tests").files)
    except UnicodeDecodeError as error:
        raise TaskError(f"{place / 'tests'}: a test file is not UTF-8") from error


def _hide(place: Path, hidden: tuple[str, ...], tree: RepositoryTree) -> tuple[str, RepositoryTree]:
    """The patch that brings the hidden files, and the tree without them."""
    if missing := [path for path in hidden if path not in tree.files]:
        raise TaskError(f"{place / 'task.toml'}: hidden: {missing[0]} is not in the repository")
    left = {path: content for path, content in tree.files.items() if path not in hidden}
    try:
        patch = patch_of_files(left, {path: tree.files[path] for path in hidden})
    except UnicodeDecodeError as error:
        raise TaskError(f"{place / 'task.toml'}: hidden: a test file is not UTF-8") from error
    return patch, RepositoryTree(left, tree.executables - {*hidden})


def _keep_image(directory: Path, image: str) -> None:
    """Make the recipe of a repository's image known on this machine. TaskError when the suite does not have it as its name says."""
    place = directory / "images" / image
    if not image.startswith("env-"):
        return
    try:
        kept = keep_environment((place / "package.json").read_bytes(), (place / "package-lock.json").read_bytes())
    except OSError as error:
        raise TaskError(f"{place}: the suite lacks the packages of this image: {error}") from error
    if kept != image:
        raise TaskError(f"{place}: its packages are those of {kept}: they were changed")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # as it is: a patch may hold other line ends than ours
    except FileNotFoundError:
        raise TaskError(f"{file}: the file is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: {error}") from error
