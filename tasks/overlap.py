"""Do two sets of tasks share what would make one of them no test of the other? By repository, by statement, by patch."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import tomli_w

from tasks.errors import TaskError
from tasks.suite import Suite, task_digest
from tasks.task import Task
from tasks.toml_file import read_toml

_SHINGLE: Final = 5
NEAR: Final = 0.7
"""The share of five-word pieces that two statements have in common from which they are near duplicates (Jaccard)."""

_ENOUGH_PIECES: Final = 40
"""Shorter statements say too little for a part of them to be the same by copying: those count where they are the same as a whole."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Something that both sides have."""

    what: Literal["repository", "statement", "patch"]
    one: str
    other: str


def origins(suite: Suite) -> dict[str, str]:
    """Whence each repository of a suite is: several of its trees may be of one history. By its provenance, else its own name."""
    file = suite.directory / "provenance.toml"
    said: dict[str, object] = {}
    if file.exists():
        said = read_toml(file, TaskError).get("repositories", {})
    found = {}
    for repo in {task.repo for task in suite.tasks} | {repo for names in suite.splits.values() for repo in names}:
        entry = said.get(repo)
        origin = entry.get("origin") if isinstance(entry, Mapping) else None
        found[repo] = _normal(origin) if isinstance(origin, str) and origin else repo
    return found


def shared(train: Suite, held_out: Suite) -> list[Shared]:
    """What a training set and a held-out set have in common; empty when they can be used beside each other."""
    theirs, ours = origins(held_out), origins(train)
    found: list[Shared] = []
    by_origin = {origin: repo for repo, origin in theirs.items() if any(task.repo == repo for task in held_out.tasks)}
    by_digest = {task.tree.digest: task.repo for task in held_out.tasks}
    repos = sorted({task.repo for task in train.tasks})
    found += [Shared("repository", repo, by_origin[ours[repo]]) for repo in repos if ours[repo] in by_origin]
    for task in train.tasks:
        if task.tree.digest in by_digest and not any(entry.one == task.repo for entry in found):
            found.append(Shared("repository", task.repo, by_digest[task.tree.digest]))
    patches = {_patch_key(task): task.instance_id for task in held_out.tasks}
    found += [Shared("patch", task.instance_id, patches[_patch_key(task)]) for task in train.tasks if _patch_key(task) in patches]
    return found + _near_statements(train.tasks, held_out.tasks)


def refuse_shared(train: Suite, held_out: Suite) -> None:
    """TaskError when the two share anything: the first of each kind, and how many there are."""
    found = shared(train, held_out)
    if not found:
        return
    counts = Counter(entry.what for entry in found)
    said = [next(f"{entry.one} and {entry.other}" for entry in found if entry.what == what) for what in counts]
    words = "; ".join(f"{count} by {what}, such as {example}" for (what, count), example in zip(counts.items(), said, strict=True))
    raise TaskError(f"{train.name} and {held_out.name} overlap ({words}): what is trained on cannot be held out")


def split_by_repository(suite: Suite, shares: Mapping[str, float], *, seed: int) -> dict[str, tuple[str, ...]]:
    """Repositories by split, by whole origins and as near to the shares of tasks as that comes. TaskError: too few, or shares that are none."""
    if not shares or any(share <= 0 for share in shares.values()):
        raise TaskError("each split needs a share above 0, such as train=0.8 held-out=0.2")
    whole = origins(suite)
    groups: dict[str, list[str]] = defaultdict(list)
    for repo in sorted({task.repo for task in suite.tasks}):
        groups[whole[repo]].append(repo)
    if len(groups) < len(shares):
        raise TaskError(
            f"{suite.name} has {len(groups)} repositories of different origin, too few for {len(shares)} splits: tasks of one are never parted"
        )
    sizes = Counter(whole[task.repo] for task in suite.tasks)
    order = sorted(groups, key=lambda origin: (-sizes[origin], hashlib.sha256(f"{seed} {origin}".encode()).hexdigest()))
    total, sum_of_shares = len(suite.tasks), sum(shares.values())
    left = {name: total * share / sum_of_shares for name, share in shares.items()}
    splits: dict[str, list[str]] = {name: [] for name in shares}
    for number, origin in enumerate(order):
        empty = [name for name in splits if not splits[name]]
        choice = empty if len(order) - number <= len(empty) else list(splits)
        name = max(choice, key=lambda each: (left[each], each))
        splits[name] += groups[origin]
        left[name] -= sizes[origin]
    return {name: tuple(sorted(repos)) for name, repos in splits.items()}


def split_digest(suite: Suite, repositories: Iterable[str]) -> str:
    """sha256 in hex over the tasks of these repositories."""
    names = {*repositories}
    digest = hashlib.sha256()
    for task in suite.tasks:
        if task.repo in names:
            digest.update(task_digest(task).encode())
    return digest.hexdigest()


def save_splits(directory: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Write the splits into the suite's suite.toml."""
    file = directory / "suite.toml"
    content = read_toml(file, TaskError)
    content["splits"] = {name: list(repos) for name, repos in splits.items()}
    file.write_text(tomli_w.dumps(content), encoding="utf-8")


def _near_statements(train: Sequence[Task], held_out: Sequence[Task]) -> list[Shared]:
    """Pairs of statements of which most five-word pieces are the same; statements of the same words whatever their length."""
    pieces = {task.instance_id: _pieces(task.problem_statement) for task in held_out}
    index: dict[int, list[str]] = defaultdict(list)
    for name, own in pieces.items():
        for piece in own:
            index[piece].append(name)
    found = []
    for task in train:
        own = _pieces(task.problem_statement)
        hits = Counter(name for piece in own for name in index.get(piece, ()))
        for name, count in hits.most_common(1):
            needed = NEAR if len(own) >= _ENOUGH_PIECES else 1.0
            if count / (len(own) + len(pieces[name]) - count) >= needed:
                found.append(Shared("statement", task.instance_id, name))
    return found


def _pieces(text: str) -> set[int]:
    words = re.findall(r"[A-Za-z_0-9]+", text.lower())
    return {hash(tuple(words[at : at + _SHINGLE])) for at in range(max(1, len(words) - _SHINGLE + 1))}


def _patch_key(task: Task) -> str:
    lines = [line for line in task.patch.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return hashlib.sha256("\n".join("".join(line.split()) for line in lines).encode()).hexdigest()


def _normal(origin: str) -> str:
    """One spelling of where a repository lies: the last two parts of an address or a path."""
    parts = [part for part in re.split(r"[/:]+", origin.strip().removesuffix("/").removesuffix(".git")) if part]
    return "/".join(parts[-2:]).lower()
