"""Rows that are longer than a model is trained on: split at turn borders, shortened in what the tools said, or refused. Nothing is cut off unseen.

A piece of a split row begins with all that stood before the first answer (the system prompt, the tools, the task), and goes on with whole turns. No model
ever saw just that, so an answer may speak of what is no longer there; where this matters, shorten observations instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from training.examples import Example
from training.rows import ChatRow

_LEAST_CHARACTERS: Final = 200
_LEAST_TOKENS: Final = 64
_ROUNDS: Final = 6


def split_at_turns(row: Example, limit: int, ends: Collection[int]) -> tuple[list[Example], int]:
    """Pieces of at most `limit` tokens, and how many learned tokens were in turns that fit into none.

    `ends`: ids of the tokens that end a turn; what follows the last of them before an answer opens that answer and stays with it.
    """
    borders = _borders(row, ends)
    head = range(borders[0])
    pieces: list[Example] = []
    taken: list[int] = []
    lost = 0
    for first, last in zip(borders, [*borders[1:], len(row)], strict=True):
        unit = range(first, last)
        if taken and len(head) + len(taken) + len(unit) > limit:
            pieces.append(_part(row, [*head, *taken]))
            taken = []
        if len(head) + len(unit) > limit:
            lost += int(row.learned[first:last].sum())
        else:
            taken += unit
    if taken:
        pieces.append(_part(row, [*head, *taken]))
    return [piece for piece in pieces if piece.targets], lost


def split_text(document: Example, limit: int, end: int | None = None) -> list[Example]:
    """Consecutive pieces of at most `limit` tokens. Where a row of tokens holds several documents, each ended by `end`, pieces begin with one."""
    pieces = []
    start = 0
    while start < len(document):
        last = min(start + limit, len(document))
        if end is not None and last < len(document) and end in document.ids[start:last]:
            last = start + int(np.flatnonzero(document.ids[start:last] == end)[-1]) + 1
        pieces.append(_part(document, range(start, last)))
        start = last
    return pieces


def cut_observations(row: ChatRow, limit: int, render: Callable[[ChatRow], list[Example]]) -> list[Example] | None:
    """The row with the middles of its longest tool results left out, and said to be, until each rendering has at most `limit` tokens.

    None when it does not fit with 200 characters of each.
    """
    lengths = [len(str(message.get("content", ""))) for message in row.messages if message["role"] == "tool"]
    rendered = render(row)
    cap = max(lengths, default=0)
    for _ in range(_ROUNDS):
        longest = max(rendered, key=len)
        if len(longest) <= limit:
            return rendered
        if cap <= _LEAST_CHARACTERS:
            return None
        characters = sum(len(str(message.get("content", ""))) for message in row.messages)
        kept = sum(min(length, cap) for length in lengths)
        per_token = max(1.0, characters / max(len(each) for each in rendered))
        wanted = kept - (len(longest) - limit) * per_token * 1.1
        cap = max(_LEAST_CHARACTERS, min(_level(lengths, wanted), int(cap * 0.9)))
        rendered = render(replace(row, messages=tuple(_shortened(message, cap) for message in row.messages)))
    return rendered if max(len(each) for each in rendered) <= limit else None


def cut_between_answers(row: Example, limit: int, borders: Collection[int], mark: Sequence[int]) -> Example | None:
    """The same for tokens: the middles of the longest runs between answers make place for `mark`. None when there is not enough to leave out.

    `borders`: ids that no run goes across, such as those that begin and end a turn.
    """
    excess = len(row) - limit
    runs = sorted(_runs(row, borders), key=lambda run: run[0] - run[1])
    gone: list[tuple[int, int]] = []
    for start, end in runs:
        if excess <= 0:
            break
        spare = end - start - _LEAST_TOKENS - len(mark)
        if spare <= 0:
            break
        taken = min(spare, excess)
        first = start + (end - start - taken - len(mark)) // 2
        gone.append((first, first + taken + len(mark)))
        excess -= taken
    return _with_gaps(row, sorted(gone), mark) if excess <= 0 else None


def _borders(row: Example, ends: Collection[int]) -> list[int]:
    """Where each turn begins: after the last end of a turn before its answer."""
    borders: list[int] = []
    before = 0
    for start, end in row.answers:
        border = next((at + 1 for at in range(start - 1, before - 1, -1) if int(row.ids[at]) in ends), before if borders else start)
        borders.append(border)
        before = end
    return borders or [len(row)]


def _part(row: Example, places: Sequence[int]) -> Example:
    chosen = np.asarray(places, dtype=np.int64)
    learned = row.learned[chosen].copy()
    learned[0] = False
    at = {int(old): new for new, old in enumerate(chosen)}
    answers = tuple((at[start], at[end - 1] + 1) for start, end in row.answers if start in at and end - 1 in at and start < end)
    return Example(row.place, row.ids[chosen], learned, answers)


def _level(lengths: Sequence[int], wanted: float) -> int:
    """The greatest height to which all lengths can be cut so that they sum up to `wanted`."""
    below, above = 0, max(lengths)
    while below < above:
        middle = (below + above + 1) // 2
        if sum(min(length, middle) for length in lengths) <= wanted:
            below = middle
        else:
            above = middle - 1
    return below


def _shortened(message: object, cap: int) -> dict[str, object]:
    assert isinstance(message, dict)
    content = message.get("content")
    if message["role"] != "tool" or not isinstance(content, str) or len(content) <= cap:
        return message
    left = cap // 2
    return {
        **message,
        "content": f"{content[:left]}\n[… {len(content) - 2 * left} characters left out …]\n{content[len(content) - left :]}",
    }


def _runs(row: Example, borders: Collection[int]) -> list[tuple[int, int]]:
    """Stretches between answers, without the first (the task) and without borders."""
    found = []
    for (_, start), (end, _) in zip(row.answers, row.answers[1:], strict=False):
        first = start
        for at in range(start, end + 1):
            if at == end or int(row.ids[at]) in borders:
                if at - first > _LEAST_TOKENS:
                    found.append((first, at))
                first = at + 1
    return found


def _with_gaps(row: Example, gaps: Sequence[tuple[int, int]], mark: Sequence[int]) -> Example:
    ids, learned = [], []
    moved = []
    at = shift = 0
    filler = np.asarray(mark, dtype=np.int32)
    for first, last in gaps:
        ids += [row.ids[at:first], filler]
        learned += [row.learned[at:first], np.zeros(len(filler), dtype=np.bool_)]
        shift += last - first - len(filler)
        moved.append((last, shift))
        at = last
    ids.append(row.ids[at:])
    learned.append(row.learned[at:])

    def place(old: int) -> int:
        return old - next((by for begin, by in reversed(moved) if old >= begin), 0)

    answers = tuple((place(start), place(end)) for start, end in row.answers)
    return Example(row.place, np.concatenate(ids), np.concatenate(learned), answers)
