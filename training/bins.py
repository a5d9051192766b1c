"""Documents packed into rows of a token budget: best fit, longest first, the same for the same seed.

Sorting by length and filling the fullest row that still has room leaves little empty: on agents' trajectories 1-2%. TRL packs alike, but only whole
`datasets` tables and without telling where what went; this is a bisection, and an evaluation or a NaN can name its rows.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence

import numpy as np
import torch

from training.batch import NO_LOSS, Batch
from training.errors import TrainingError
from training.examples import Example


def pack(lengths: Sequence[int], budget: int, seed: int) -> list[list[int]]:
    """Rows of places in `lengths`, each with at most `budget` in sum. TrainingError when one does not fit.

    Which of several of one length go together, and the order in a row and of the rows, are the seed's.
    """
    order = list(range(len(lengths)))
    too_long = next((place for place in order if lengths[place] > budget), None)
    if too_long is not None:
        raise TrainingError(
            f"a document of {lengths[too_long]} tokens does not fit into rows of {budget}: raise packing.tokens or lower data.max_tokens"
        )
    chance = random.Random(seed)  # noqa: S311 - no secret
    chance.shuffle(order)
    order.sort(key=lambda place: -lengths[place])  # stable: equals stay shuffled
    rows: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # what is left of a row, and which, sorted
    for place in order:
        found = bisect.bisect_left(rooms, (lengths[place], -1))
        if found == len(rooms):
            rows.append([place])
            bisect.insort(rooms, (budget - lengths[place], len(rows) - 1))
        else:
            room, row = rooms.pop(found)
            rows[row].append(place)
            bisect.insort(rooms, (room - lengths[place], row))
    for row_places in rows:
        chance.shuffle(row_places)
    chance.shuffle(rows)
    return rows


def to_batch(documents: Sequence[Example], device: torch.device | str = "cpu") -> Batch:
    """One packed row; positions begin anew with each document, which is what keeps documents apart."""
    ids = np.concatenate([document.ids for document in documents]).astype(np.int64)
    learned = np.concatenate([document.learned for document in documents])
    positions = np.concatenate([np.arange(len(document), dtype=np.int64) for document in documents])
    learned[positions == 0] = False
    labels = np.where(learned, ids, NO_LOSS)
    return Batch(*(torch.from_numpy(each).unsqueeze(0).to(device) for each in (ids, labels, positions)))
