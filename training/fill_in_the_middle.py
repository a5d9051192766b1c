"""Fill-in-the-middle: a part of the documents is taken apart so that the model learns to write what stands between two pieces of code.

Bavarian et al. 2022 (arXiv 2207.14255): split at two random characters, prefix-suffix-middle or suffix-prefix-middle. The parts are tokenised apart,
since a cursor stands anywhere. In the second order the prefix follows the middle's mark, as in StarCoder and Code Llama, so one model learns both.

What is too long is split before it is taken apart, each piece on its own: a piece of a document that was taken apart as a whole would begin with a mark
and never come to the middle.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from training.errors import TrainingError

_KNOWN: Final = (
    ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"),
    ("<fim_prefix>", "<fim_middle>", "<fim_suffix>"),
    ("<fim-prefix>", "<fim-middle>", "<fim-suffix>"),
    ("[PREFIX]", "[MIDDLE]", "[SUFFIX]"),
    ("▁<PRE>", "▁<MID>", "▁<SUF>"),
)


class Vocabulary(Protocol):
    def get_vocab(self) -> dict[str, int]: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Marks:
    """Ids of the tokens that the parts begin with."""

    prefix: int
    middle: int
    suffix: int


def find_marks(tokenizer: Vocabulary, names: tuple[str, str, str] | None = None) -> Marks:
    """Of `names` (prefix, middle, suffix), or of those that models are known to have. TrainingError when the tokenizer has none as single tokens."""
    vocabulary = tokenizer.get_vocab()
    for each in (names,) if names else _KNOWN:
        if all(name in vocabulary for name in each):
            prefix, middle, suffix = (vocabulary[name] for name in each)
            return Marks(prefix, middle, suffix)
    raise TrainingError(
        f"the tokenizer has no fill-in-the-middle tokens{' ' + ', '.join(names) if names else ''}: name them in fill_in_the_middle.tokens, or set fill_in_the_middle.rate = 0"
    )


def take_apart(text: str, tokenizer: Vocabulary, marks: Marks, chance: random.Random, *, suffix_first: float) -> list[int]:
    """A document's tokens in one of the two orders; `suffix_first` is the share of the second."""
    first, second = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
    prefix, middle, suffix = (
        tokenizer.encode(part, add_special_tokens=False) for part in (text[:first], text[first:second], text[second:])
    )
    if chance.random() < suffix_first:
        return [marks.prefix, marks.suffix, *suffix, marks.middle, *prefix, *middle]
    return [marks.prefix, *prefix, marks.suffix, *suffix, marks.middle, *middle]


def pieces_apart(
    text: str, tokenizer: Vocabulary, marks: Marks, chance: random.Random, *, suffix_first: float, limit: int
) -> Iterator[list[int]]:
    """Consecutive pieces of the text, each taken apart and with its three marks of at most `limit` tokens; a single character that has no room stays
    without marks. Halved until they fit, since parts that are tokenised apart have an unknown number of tokens more; at a line where there is one."""
    ids = take_apart(text, tokenizer, marks, chance, suffix_first=suffix_first)
    if len(ids) <= limit:
        yield ids
    elif len(text) < 2:
        yield list(tokenizer.encode(text, add_special_tokens=False))
    else:
        half = text.rfind("\n", len(text) // 4, len(text) // 2) + 1 or len(text) // 2
        for part in (text[:half], text[half:]):
            yield from pieces_apart(part, tokenizer, marks, chance, suffix_first=suffix_first, limit=limit)
