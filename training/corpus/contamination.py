"""What of a corpus is already in the tasks that models are evaluated on: repositories by name, files by runs of words that they have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tasks.suite import load_suite
from training.corpus.fingerprints import Hashes, runs, whole, word_hashes
from training.corpus.settings import ContaminationSettings
from training.errors import TrainingError
from trajectories.documents import documents

_SIEVE: Final = np.uint64((1 << 23) - 1)


@dataclass(frozen=True, slots=True)
class EvaluationTexts:
    """What evaluations consist of."""

    runs: Hashes
    """Sorted: every run of so many words of statements, solutions and tests."""
    files: frozenset[int]
    """Of whole files of the tasks' repositories, all their words."""
    repositories: frozenset[str]
    """Names in lower case, as `owner/name` or as they are."""
    words: int
    sieve: npt.NDArray[np.bool_]
    """By the last bits of a hash, whether there is any such among `runs`: almost all text is passed by it, and a search in `runs` costs ten times more."""

    def meets(self, words: Hashes) -> str | None:
        """In what a file, given by the hashes of its words, meets them; None when in nothing."""
        if not len(words):
            return None
        if len(words) >= self.words:
            own = runs(words, self.words)
            if _any_in(own[self.sieve[own & _SIEVE]], self.runs):
                return "has text of an evaluation task"
        return "is a file of an evaluation task" if whole(words) in self.files else None

    def names(self, repository: str) -> bool:
        return repository.lower() in self.repositories


def evaluation_texts(settings: ContaminationSettings) -> EvaluationTexts:
    """TaskError or TrainingError when a suite or a benchmark cannot be read."""
    texts: list[str] = []
    files: list[bytes] = []
    repositories: set[str] = set()
    for name in settings.suites:
        for task in load_suite(name, quarantined=True).tasks:
            repositories.add(task.repo.lower())
            texts += [task.problem_statement, _added(task.patch), _added(task.test_patch)]
            files += task.tree.files.values()
    for place in settings.benchmarks:
        for row in _rows(place):
            if isinstance(repo := row.get("repo") or row.get("repo_name"), str):
                repositories.add(repo.lower())
            texts += [_added(text) if text.startswith(("diff --git", "--- ")) else text for text in _strings(row)]
    hashes = [runs(words, settings.words) for text in texts if len(words := word_hashes(text.encode())) >= settings.words]
    # A file of a few words, such as a list of exports, may be the same anywhere.
    contents = frozenset(whole(words) for content in files if len(words := word_hashes(content)) >= settings.words)
    known = _sorted(hashes)
    sieve = np.zeros(int(_SIEVE) + 1, dtype=np.bool_)
    sieve[known & _SIEVE] = True
    return EvaluationTexts(known, contents, frozenset(repositories), settings.words, sieve)


def _added(patch: str) -> str:
    return "\n".join(line[1:] for line in patch.splitlines() if line.startswith("+") and not line.startswith("+++"))


def _rows(place: Path) -> Iterator[dict[str, Any]]:
    if not place.is_file() or place.suffix not in (".jsonl", ".parquet"):
        raise TrainingError(f"{place}: a benchmark is a file of rows, .jsonl or .parquet")
    for number, row in enumerate(documents(place), start=1):
        if not isinstance(row, dict):
            raise TrainingError(f"{place}: row {number} is no object")
        yield row


def _strings(content: object) -> Iterator[str]:
    """All that have more than a few words, at any depth; lists in JSON, as some benchmarks keep their tests' names, are names and not text."""
    if isinstance(content, str):
        if content.startswith("[") and content.endswith("]"):
            try:
                json.loads(content)
                return
            except ValueError:
                pass
        yield content
    elif isinstance(content, dict):
        for each in content.values():
            yield from _strings(each)
    elif isinstance(content, list):
        for each in content:
            yield from _strings(each)


def _sorted(hashes: Iterable[Hashes]) -> Hashes:
    return np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *hashes]))


def _any_in(wanted: Hashes, known: Hashes) -> bool:
    if not len(known) or not len(wanted):
        return False
    places = np.searchsorted(known, wanted)
    places[places == len(known)] = 0
    return bool((known[places] == wanted).any())
