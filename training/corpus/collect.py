"""Repositories that fit, found and cloned; or rows of a data set. What is known of them lies beside, in `repositories.jsonl`, for `build`.

It can be stopped at any time: clones are whole or not there, and the next call goes on. A repository that has moved on since is cloned anew; one that was
renamed keeps its clone under its new name; one whose owner opted out is taken out of the list and from the disk. What a search no longer finds stays.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from training.corpus.clones import CloneError, clone, directory_of
from training.corpus.collect_settings import CollectSettings, DatasetSettings
from training.corpus.github import GitHub
from training.corpus.sources import COLLECTED
from training.errors import TrainingError

Say = Callable[[str], None]

_PAGE: Final = 100
_MOST_RESULTS: Final = 1_000
"""Of one search, whatever it finds."""
_ROWS: Final = 2_000
"""In one file of a data set's."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A line of `repositories.jsonl`."""

    repository: str
    id: int
    directory: str
    url: str
    commit: str
    licence: str | None
    stars: int
    language: str | None
    pushed_at: str | None
    archived: bool
    fork: bool


@dataclass(slots=True)
class Outcome:
    listed: int = 0
    cloned: int = 0
    present: int = 0
    left_out: int = 0
    failed: int = 0
    complaints: list[str] = field(default_factory=list)


def collect(
    settings: CollectSettings,
    output: Path,
    *,
    token: str | None,
    say: Say,
    clone: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """TrainingError when GitHub refuses, or its limits take longer than may be waited; what is done is kept."""
    output.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    if settings.dataset is not None:
        rows = _collect_rows(settings.dataset, output / "rows", say)
        say(f"{rows:,} rows of {settings.dataset.name}")
        _write_known(output, _read_known(output))
    if not settings.limit and not settings.repositories:
        return outcome
    known = _read_known(output)
    done: dict[int, Repository] = {}
    with GitHub(settings.github, cache=output / ".api", token=token, say=say, sleep=sleep) as github:
        try:
            for about in _wanted(github, settings, outcome):
                if about["id"] in done:
                    continue
                repository = _collect_one(github, about, known.get(about["id"]), output, settings, outcome, with_clone=clone)
                if repository is not None:
                    done[repository.id] = repository
                    outcome.listed += 1
                    known[repository.id] = repository
                    if clone:
                        _write_known(output, known)
                    if outcome.listed % 10 == 0:
                        say(f"{outcome.listed} repositories")
        finally:
            _write_known(output, known)
    _take_out(output, known, settings)
    return outcome


def _wanted(github: GitHub, settings: CollectSettings, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """What the API says of each, those that are named first."""
    for name in settings.repositories:
        answer = github.get(f"repos/{name}")
        if answer is None:
            outcome.failed += 1
            outcome.complaints.append(f"{name}: there is no such repository, or no longer")
        elif not any(fnmatchcase(answer.content["full_name"].lower(), pattern.lower()) for pattern in settings.opt_out):
            yield answer.content
        else:
            outcome.left_out += 1
    count = 0
    seen: set[int] = set()
    for about in _search(github, settings, outcome) if settings.limit else ():
        if about["id"] in seen:
            continue
        seen.add(about["id"])
        if (reason := _unwanted(about, settings)) is not None:
            outcome.left_out += 1
            outcome.complaints.append(f"{about['full_name']}: {reason}")
            continue
        yield about
        count += 1
        if count >= settings.limit:
            return


def _search(github: GitHub, settings: CollectSettings, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """By stars, falling. A search gives a thousand at most: the next begins where the last ended."""
    pushed = f" pushed:>={settings.pushed_after.isoformat()}" if settings.pushed_after else ""
    languages = [_one_search(github, f"language:{language}{pushed}", settings, outcome) for language in settings.languages]
    heads = [next(each, None) for each in languages]
    while (best := max(heads, key=lambda each: each["stargazers_count"] if each else -1)) is not None:
        place = heads.index(best)
        yield best
        heads[place] = next(languages[place], None)


def _one_search(github: GitHub, words: str, settings: CollectSettings, outcome: Outcome) -> Iterator[dict[str, Any]]:
    upper: int | None = None
    while True:
        stars = f"stars:{settings.stars}..{upper}" if upper is not None else f"stars:>={settings.stars}"
        answer = github.get("search/repositories", {"q": f"{words} {stars}", "sort": "stars", "order": "desc", "per_page": _PAGE})
        found = 0
        last = None
        while answer is not None:
            if answer.content.get("incomplete_results"):
                outcome.complaints.append(f"GitHub did not finish its search for `{words} {stars}`: another call may find more")
            for about in answer.content["items"]:
                found += 1
                last = int(about["stargazers_count"])
                yield about
            answer = github.get(answer.next_page) if answer.next_page and found < _MOST_RESULTS else None
        if found < _MOST_RESULTS or last is None:
            return
        if last == upper:
            outcome.complaints.append(f"more than {_MOST_RESULTS} repositories have {last} stars: some of them are not found")
            last -= 1
        if last < settings.stars:
            return
        upper = last


def _unwanted(about: dict[str, Any], settings: CollectSettings) -> str | None:
    if any(fnmatchcase(about["full_name"].lower(), pattern.lower()) for pattern in settings.opt_out):
        return "opted out"
    if about.get("fork") and not settings.forks:
        return "a fork"
    if about.get("archived") and not settings.archived:
        return "archived"
    if int(about.get("size") or 0) > settings.clone.largest_kilobytes:
        return "too large"
    licence = _licence(about)
    return None if licence in settings.licences else f"licence {licence or 'unknown'}"


def _licence(about: dict[str, Any]) -> str | None:
    licence = (about.get("license") or {}).get("spdx_id")
    return licence if isinstance(licence, str) and licence != "NOASSERTION" else None


def _collect_one(
    github: GitHub,
    about: dict[str, Any],
    known: Repository | None,
    output: Path,
    settings: CollectSettings,
    outcome: Outcome,
    *,
    with_clone: bool,
) -> Repository | None:
    name = str(about["full_name"])
    try:
        directory = directory_of(name)
        head = github.get(f"repos/{name}/commits/{about['default_branch']}")
        if head is None:
            raise CloneError("it has no commits, or is gone")
        commit = str(head.content["sha"])
        if known is not None and known.directory != directory and (output / known.directory).is_dir():
            shutil.rmtree(output / directory, ignore_errors=True)
            (output / known.directory).rename(output / directory)
        if not with_clone:
            if known is not None and (output / directory).is_dir():
                commit = known.commit  # what lies there
        elif known is not None and known.commit == commit and (output / directory).is_dir():
            outcome.present += 1
        else:
            clone(str(about["clone_url"]), commit, output / directory, settings.clone)
            outcome.cloned += 1
    except CloneError as error:
        outcome.failed += 1
        outcome.complaints.append(f"{name}: {error}")
        return None
    return Repository(
        name, int(about["id"]), directory, str(about["clone_url"]), commit, _licence(about), int(about["stargazers_count"]), about.get("language"),
        about.get("pushed_at"), bool(about.get("archived")), bool(about.get("fork")),
    )  # fmt: skip


def _read_known(output: Path) -> dict[int, Repository]:
    try:
        lines = (output / COLLECTED).read_text(encoding="utf-8").splitlines()
        return {each.id: each for each in (Repository(**json.loads(line)) for line in lines)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{output / COLLECTED} is not what `harness corpus collect` writes: give another output") from error


def _write_known(output: Path, known: dict[int, Repository]) -> None:
    lines = [json.dumps(asdict(each)) for each in sorted(known.values(), key=lambda each: each.repository)]
    temporary = output / f".{COLLECTED}.tmp"
    temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    temporary.replace(output / COLLECTED)


def _take_out(output: Path, known: dict[int, Repository], settings: CollectSettings) -> None:
    """Those whose owners opted out since."""
    gone = [each for each in known.values() if any(fnmatchcase(each.repository.lower(), pattern.lower()) for pattern in settings.opt_out)]
    for each in gone:
        shutil.rmtree(output / each.directory, ignore_errors=True)
        del known[each.id]
    if gone:
        _write_known(output, known)


def _collect_rows(settings: DatasetSettings, output: Path, say: Say) -> int:
    """Rows in files of two thousand; those that are there are passed over. Returns how many there are."""
    try:
        import datasets
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise TrainingError("data sets need a library: pip install 'typescript-agent-harness[corpus,datasets]'") from error
    output.mkdir(parents=True, exist_ok=True)
    present = sorted(output.glob("rows-?????.parquet"))
    count: int = sum(parquet.read_metadata(file).num_rows for file in present)
    if count % _ROWS:  # the last file is the end, or of fewer rows than are wanted now
        count -= parquet.read_metadata(present[-1]).num_rows
        present.pop()
    try:
        stream = datasets.load_dataset(
            settings.name, settings.config, split=settings.split, data_files=list(settings.data_files) or None, streaming=True
        ).skip(count)
    except Exception as error:  # the library raises whatever its storage does
        raise TrainingError(f"data set {settings.name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error
    waiting: list[dict[str, Any]] = []

    def write() -> None:
        file = output / f"rows-{len(present):05d}.parquet"
        temporary = file.with_suffix(".tmp")
        parquet.write_table(pa.Table.from_pylist(waiting), temporary, compression="zstd")
        temporary.replace(file)
        present.append(file)

    for row in stream:
        if settings.rows is not None and count >= settings.rows:
            break
        waiting.append({name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()})
        count += 1
        if len(waiting) == _ROWS:
            write()
            waiting.clear()
            say(f"{count:,} rows")
    if waiting:
        write()
    return count
