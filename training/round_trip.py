"""Conversations rendered and compared with the tokens that a server told of the same records: whether training on what is rendered is training on what is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.data_card import RoundTrip
from training.errors import TrainingError
from training.examples import Example
from training.rendering import Renderer
from training.rows import ChatRow


def compare_with_told(rows: Sequence[ChatRow], told: Mapping[str, Sequence[Example]], renderer: Renderer, tokenizer: Any) -> RoundTrip:
    """`told` by record; every row's record is in it. A conversation is the same when each of its renderings is one of the told rows, ids and mask."""
    same = 0
    first: str | None = None
    for row in rows:
        try:
            made = renderer.examples(row)
        except TrainingError as error:
            first = first or str(error)
            continue
        wanted = told[row.record or ""]
        known = {(each.ids.tobytes(), each.learned.tobytes()) for each in wanted}
        if made and all((each.ids.tobytes(), each.learned.tobytes()) in known for each in made):
            same += 1
        elif first is None:
            first = f"{row.place}: {_difference(made[0], wanted[0], tokenizer) if made else 'nothing of it is learnt'}"
    return RoundTrip(compared=len(rows), same=same, first_difference=first)


def _difference(made: Example, told: Example, tokenizer: Any) -> str:
    length = min(len(made), len(told))
    places = np.flatnonzero(made.ids[:length] != told.ids[:length])
    if not len(places):
        if len(made) != len(told):
            return f"{len(made)} tokens rendered, {len(told)} told, and the same as far as both go"
        return "the same tokens, and other masks"
    at = int(places[0])
    window = slice(max(0, at - 4), at + 8)
    rendered, server = (tokenizer.decode(each.ids[window].tolist()) for each in (made, told))
    return f"token {at}: {rendered!r} rendered, {server!r} told"
