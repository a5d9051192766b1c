"""Where turns end and which of them are the model's: the one place that says so, for rendering, splitting, cutting and generating."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import numpy as np

from training.examples import Ids, Mask
from training.recipe import Recipe

_ROOM: Final = 32
"""Tokens: line breaks before an opening, and what a prompt may add to it, such as marks of thinking. Nothing as short as this is ever cut."""


def end_names(recipe: Recipe, tokenizer: Any) -> tuple[str, ...]:
    """What a template ends an answer with: as the recipe says, or the tokenizer's end of text; empty when neither is known."""
    return recipe.template.end or ((str(tokenizer.eos_token),) if tokenizer.eos_token else ())


def end_ids(recipe: Recipe, tokenizer: Any) -> frozenset[int]:
    """Of those that are tokens."""
    return frozenset(_known(end_names(recipe, tokenizer), tokenizer))


def stop_ids(recipe: Recipe, tokenizer: Any, told: Collection[int] = ()) -> list[int]:
    """What ends generation: the ends of turns, the tokenizer's end of text, and those that the checkpoint has `told`."""
    last = (str(tokenizer.eos_token),) if tokenizer.eos_token else ()
    return list(dict.fromkeys([*_known((*end_names(recipe, tokenizer), *last), tokenizer), *told]))


def find_answers(
    ids: Ids, learned: Mask, ends: Collection[int], opening: Sequence[int], decode: Callable[[list[int]], str]
) -> list[tuple[int, int]]:  # fmt: skip
    """First token and the one after the last of each answer in recorded tokens, learnt or not.

    An answer is a turn of which something is learnt, from there on (or all of it, where more than its opening goes before), or one that begins with the
    tokens of `opening`, as text and after white space.
    """
    opened = decode(list(opening)).strip()
    room = len(opening) + _ROOM
    answers = []
    start = 0
    for end in [*(np.flatnonzero(np.isin(ids, list(ends))) + 1).tolist(), len(ids)]:
        found = np.flatnonzero(learned[start:end])
        if len(found):
            answers.append((start + int(found[0]) if found[0] <= room else start, end))
        elif decode(ids[start : min(end, start + room)].tolist()).lstrip().startswith(opened):
            answers.append((start, end))
        start = end
    return answers


def _known(names: Collection[str], tokenizer: Any) -> list[int]:
    found = [(name, tokenizer.convert_tokens_to_ids(name)) for name in names]
    return [place for name, place in found if place is not None and tokenizer.convert_ids_to_tokens(place) == name]
