"""From places with source to shards of rows, a manifest and a card; in two passes over the input, with the search for duplicates between them.

The first pass (`cleaning`) reads, filters and cleans pieces of the input; the second (`shards`) orders, cuts and writes what is left. Both work in many
processes on pieces of a bounded size, and what comes of a piece lies in `<output>/.work` under a name made of all that it depends on. So a run that was
stopped goes on where it was, and one over unchanged input only looks: nothing is decided by a clock or by the number of processes.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as parquet

from tasks.suite import load_suite
from training.corpus.card import CARD, CorpusCard, CorpusFile, make_card, readme
from training.corpus.cleaning import Cleaned, Part, clean, find_cleaned
from training.corpus.duplicates import Duplicates
from training.corpus.settings import CorpusSettings
from training.corpus.shards import Order, Split, Written, find_written, write
from training.corpus.sources import Piece, pieces
from training.corpus.tokens import RowMaker, tokenizer_digest
from training.errors import TrainingError
from trajectories.disk import replace_file
from trajectories.parallel import in_order

Say = Callable[[str], None]

_VERSION: Final = 1
"""Of what the passes do: another makes everything anew."""
_WORK: Final = ".work"


@dataclass(frozen=True, slots=True)
class Built:
    card: CorpusCard
    cleaned: int
    """Pieces that were worked on in the first pass; the others were there."""
    found: int
    """Those that were."""
    written: int
    """Shards' parts that were written in the second."""
    read_bytes: int
    """Of source, in all pieces."""


def build(places: Sequence[Path], output: Path, settings: CorpusSettings, *, workers: int, say: Say) -> Built:
    """TrainingError when a place, a suite or the tokenizer is not there, or the output is something else. Stopped at any time, it can be run again."""
    if not places:
        raise TrainingError("nothing to build of: give directories of repositories, archives or rows")
    work = _prepare(output)
    with _alone(work):
        evaluation = _evaluation_digests(settings)
        tokenizer = tokenizer_digest(settings.rows.tokenizer) if settings.rows.tokenizer is not None else None
        if tokenizer is not None:
            RowMaker(settings.rows, settings.seed)  # whatever is wrong with it is said before hours of work
        cleaned, made = _clean_all(places, settings, evaluation, work, workers, say)
        parts = [part for each in cleaned.values() for part in each.parts]
        if not any(part.kept for part in parts):
            say("nothing is left of the input: the manifest says why")
        duplicates = Duplicates(work, parts, settings.duplicates)
        orders = _orders(parts, duplicates, settings, tokenizer)
        written, fresh = _write_all(orders, settings, work, workers, say)
        names, manifest = _publish(written, work, output)
        card = make_card(
            written,
            names,
            settings=settings.model_dump(mode="json"),
            sources=[place.resolve().name for place in places],
            evaluation_digests=evaluation,
            tokenizer_sha256=tokenizer,
            other_files=sum(each.other_files for each in cleaned.values()),
            manifest=manifest,
        )
        replace_file(output / "README.md", readme(card).encode(), lasting=False)
        replace_file(output / CARD, card.model_dump_json(indent=1).encode() + b"\n", lasting=False)
        _sweep(work, {*cleaned, *(part.name for part in parts), *(each.key for each in written)})
    return Built(card, made, len(cleaned) - made, fresh, sum(each.read_bytes for each in cleaned.values()))


def _prepare(output: Path) -> Path:
    if output.exists() and not output.is_dir():
        raise TrainingError(f"{output} is a file: give a directory")
    if output.is_dir() and any(output.iterdir()) and not (output / _WORK).is_dir() and not (output / CARD).is_file():
        raise TrainingError(f"{output} holds something else: give an empty or a new directory")
    work = output / _WORK
    work.mkdir(parents=True, exist_ok=True)
    return work


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    with open(work / "lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingError(f"{work.parent} is being built by another process: wait for it, or give another output") from error
        yield


def _evaluation_digests(settings: CorpusSettings) -> dict[str, str]:
    digests = {name: load_suite(name, quarantined=True).digest for name in settings.contamination.suites}
    for place in settings.contamination.benchmarks:
        try:
            with open(place, "rb") as stream:
                digests[place.name] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise TrainingError(f"{place}: {error.strerror}") from error
    return digests


def _clean_all(
    places: Sequence[Path], settings: CorpusSettings, evaluation: dict[str, str], work: Path, workers: int, say: Say
) -> tuple[dict[str, Cleaned], int]:
    """By the pieces' keys, in the order of the input; and how many were made now. A piece itself is held only while it is under way."""
    sections = settings.model_dump_json(exclude={"rows": True, "seed": True, "licences": {"opt_out"}})
    digest = hashlib.sha256(f"{_VERSION}{sections}{sorted(evaluation.items())}".encode()).hexdigest()
    cleaned: dict[str, Cleaned | None] = {}
    asked: list[str] = []

    def missing() -> Iterator[tuple[str, Piece]]:
        for piece in pieces(places, settings):
            key = piece.key(digest, settings.licences.opt_out)
            if key not in cleaned:
                cleaned[key] = find_cleaned(work, key)
                if cleaned[key] is None:
                    asked.append(key)
                    yield key, piece

    made = 0
    for outcome in in_order(partial(clean, settings=settings, work=work), missing(), workers=workers, batch=1):
        for each in outcome:
            cleaned[asked[made]] = each
            made += 1
            if made % 20 == 0:
                say(f"{made} pieces cleaned")
    return {key: each for key, each in cleaned.items() if each is not None}, made


def _orders(parts: Sequence[Part], duplicates: Duplicates, settings: CorpusSettings, tokenizer: str | None) -> list[Order]:
    """One a part. Its key is made of the part's own name, what of it is a duplicate of what, and the settings of rows."""
    names = tuple(part.name for part in parts)
    shared = f"{_VERSION}{settings.rows.model_dump_json(exclude={'tokenizer'})}{settings.seed}{tokenizer}"
    orders = []
    for number, part in enumerate(parts):
        start, end = int(duplicates.starts[number]), int(duplicates.starts[number + 1])
        first, exact = duplicates.first[start:end], duplicates.exact[start:end]
        digest = hashlib.sha256(f"{shared}\0{part.name}".encode())
        digest.update((first - start).tobytes() + exact.tobytes())
        for other in np.unique(np.searchsorted(duplicates.starts, first, side="right") - 1).tolist():
            digest.update(names[other].encode())
        orders.append(Order(digest.hexdigest()[:32], part.name, first, start, exact, names, duplicates.starts))
    return orders


def _write_all(orders: Sequence[Order], settings: CorpusSettings, work: Path, workers: int, say: Say) -> tuple[list[Written], int]:
    written = {order.key: earlier for order in orders if (earlier := find_written(work, order.key)) is not None}
    missing = [order for order in orders if order.key not in written]
    done = 0
    for outcome in in_order(partial(write, settings=settings, work=work), missing, workers=workers, batch=1) if missing else ():
        for each in outcome:
            written[each.key] = each
            done += 1
            if done % 20 == 0:
                say(f"{done} of {len(missing)} parts written")
    return [written[order.key] for order in orders], len(missing)


def _publish(written: Sequence[Written], work: Path, output: Path) -> tuple[dict[tuple[str, Split], str], list[CorpusFile]]:
    """The shards under their names, which take no room of their own where the file system knows hard links. What has another name now is gone."""
    (output / CARD).unlink(missing_ok=True)  # it tells of what is being replaced
    (output / "manifest").mkdir(exist_ok=True)
    names: dict[tuple[str, Split], str] = {}
    counts = {"train": 0, "validation": 0}
    manifest = []
    for number, each in enumerate(written):
        for shard in each.shards:
            name = f"{shard.split}-{counts[shard.split]:05d}.parquet"
            counts[shard.split] += 1
            names[each.key, shard.split] = name
            _link(work / f"{each.key}.{shard.split}.parquet", output / name)
        listed = output / "manifest" / f"files-{number:05d}.parquet"
        source = work / f"{each.key}.manifest.parquet"
        _link(source, listed)
        rows = parquet.read_metadata(source).num_rows
        manifest.append(
            CorpusFile(name=f"manifest/{listed.name}", sha256=each.manifest_sha256, rows=rows, tokens=0, bytes=source.stat().st_size)
        )
    wanted = {*names.values(), *(Path(file.name).name for file in manifest)}
    for file in (*output.glob("*-?????.parquet"), *(output / "manifest").glob("files-*.parquet")):
        if file.name not in wanted:
            file.unlink()
    return names, manifest


def _link(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, temporary)
    temporary.replace(target)


def _sweep(work: Path, names: set[str]) -> None:
    """What no longer belongs to this corpus: parts of changed input, and what a stopped run left half written."""
    for file in work.iterdir():
        if file.name != "lock" and (".tmp-" in file.name or file.name.partition(".")[0] not in names):
            file.unlink()
