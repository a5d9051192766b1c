"""Work on batches in several processes, with a bounded number of them under way, and their results in order."""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_BATCH = 64
_WAITING = 3
"""Batches a process, so that none is idle and few results lie in memory."""


def in_order(work: Callable[[list[Item]], Outcome], items: Iterable[Item], *, workers: int, batch: int = _BATCH) -> Iterator[Outcome]:
    """`work` on every `batch` of items, in the order of the items. With one worker, or one batch, which is done before others have started, in this
    process; `work` must be picklable with more."""
    batches = _batches(items, batch)
    first = list(itertools.islice(batches, 2))
    if workers <= 1 or len(first) < 2:
        yield from map(work, itertools.chain(first, batches))
        return
    # Neither forked, which threads of the caller may make unsafe, nor left running when the caller stops half-way.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    waiting: deque[Future[Outcome]] = deque()
    try:
        for each in itertools.chain(first, batches):
            waiting.append(pool.submit(work, each))
            if len(waiting) >= workers * _WAITING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch
