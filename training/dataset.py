"""Rows made examples: which are taken, how they become tokens, what had to be done to make them fit, and the count of all that.

Of a record that came both as the server's tokens and as a conversation, the tokens are trained on; some of the conversations are rendered all the same
and compared, since what is served is rendered by a server's template. What gives no example is counted by reason; a data set that gives none is an error.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

import numpy as np

from training.calls import mended
from training.data_card import CardFile, RoundTrip, SplitCard, split_card
from training.data_settings import DataSettings, FillInTheMiddleSettings
from training.errors import TrainingError
from training.examples import Example, example
from training.fill_in_the_middle import Marks, find_marks, pieces_apart
from training.lengths import cut_between_answers, cut_observations, split_at_turns, split_text
from training.overlap import SeenRows, refuse_same_file
from training.recipe import Recipe
from training.rendering import Renderer
from training.round_trip import compare_with_told
from training.rows import ChatRow, ExactRow, PairRow, Row, SourceFile, Split, TextRow, find_files, read_rows
from training.turns import end_ids, find_answers

_MASKED: Final = "nothing to learn in it: fully masked"
_REFUSED: Final = "longer than data.max_tokens"
_UNSTABLE: Final = "rendered in another way once it is history"
_BROKEN: Final = "refused by the chat template"


@dataclass(frozen=True, slots=True)
class PairExample:
    """The two sides of a preference pair; each is several documents where the template makes rows of a conversation."""

    place: str
    chosen: tuple[Example, ...]
    rejected: tuple[Example, ...]

    @property
    def documents(self) -> tuple[Example, ...]:
        return (*self.chosen, *self.rejected)

    def __len__(self) -> int:
        return sum(len(each) for each in self.documents)


Item = TypeVar("Item", Example, PairExample)


@dataclass(frozen=True, slots=True)
class Dataset(Generic[Item]):
    items: tuple[Item, ...]
    card: SplitCard
    seen: SeenRows
    """Empty where there is one split only."""


@dataclass(slots=True)
class _Counts:
    files: list[CardFile] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    seen: SeenRows = field(default_factory=SeenRows)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How rows become examples for one tokenizer and recipe."""

    tokenizer: Any
    recipe: Recipe
    settings: DataSettings
    vocabulary: int
    """How many ids the model knows."""

    def conversations(self, split: Split) -> Dataset[Example]:
        """Of chat and token rows. TrainingError when there is none, or a row is of another kind."""
        sources, counts = self._sources(split), _Counts()
        opening, ends = self._opening(), end_ids(self.recipe, self.tokenizer)
        exact: dict[str, list[Example]] = defaultdict(list)
        items: list[Example] = []
        conversations = []
        for source in sources:
            for row in self._rows(source, (ChatRow, ExactRow), counts):
                if isinstance(row, ExactRow):
                    made = self._exact(row)
                    if opening:
                        made = replace(made, answers=tuple(find_answers(made.ids, made.learned, ends, opening, self.tokenizer.decode)))
                    if row.record is not None:
                        exact[row.record].append(made)
                    items += self._fitted(made, counts)
                elif source not in conversations:
                    conversations.append(source)
        both: list[ChatRow] = []
        for source in conversations:  # once more: now all is known that has its own tokens, and no conversation had to be kept in memory
            for row in self._rows(source, (ChatRow, ExactRow), _Counts()):
                if not isinstance(row, ChatRow):
                    continue
                if row.record not in exact:
                    items += self._chat(row, counts)
                    continue
                counts.left_out["the record's own tokens are there"] += 1
                if len(both) < self.settings.round_trip:
                    both.append(row)
        trip = compare_with_told(both, exact, self._renderer(), self.tokenizer) if both else None
        return self._done(items, items, counts, trip, split)

    def texts(self, split: Split, middle: FillInTheMiddleSettings | None, seed: int) -> Dataset[Example]:
        """Of text and token rows, each ended by the tokenizer's end of text; `middle` takes a part of the texts apart, chosen by `seed`."""
        counts = _Counts()
        end = self.tokenizer.eos_token_id
        if end is None:
            raise TrainingError("the tokenizer has no end of text (eos_token): documents could not be told apart")
        marks = find_marks(self.tokenizer, middle.tokens) if middle is not None and middle.rate > 0 else None
        items: list[Example] = []
        for row in self._all(split, (TextRow, ExactRow), counts):
            if isinstance(row, ExactRow):
                made = [self._exact(row)]
            else:
                assert isinstance(row, TextRow)
                made = [example(row.place, ids, [True] * len(ids)) for ids in self._text_ids(row, end, middle, marks, seed, counts)]
            limit = self.settings.max_tokens
            if not any(each.targets for each in made):
                counts.left_out[_MASKED] += 1
            elif len(made) == 1 and len(made[0]) <= limit:
                items += made
            elif self.settings.too_long == "split":
                pieces = [piece for each in made for piece in split_text(each, limit, end) if piece.targets]
                counts.changed["documents split"] += 1
                counts.changed["pieces of them"] += len(pieces)
                items += pieces
            else:
                counts.left_out[_REFUSED] += 1
        return self._done(items, items, counts, None, split)

    def pairs(self, split: Split) -> Dataset[PairExample]:
        """Of pairs. Learnt are the answers after the prompt; a side that does not fit is shortened or the pair left out, since half of an answer says
        nothing about the whole."""
        counts = _Counts()
        items = []
        for row in self._all(split, (PairRow,), counts):
            assert isinstance(row, PairRow)
            before = Counter(counts.left_out)
            sides = [
                self._side(ChatRow(row.place, (*row.prompt, *after), row.tools, _answers(row.prompt, after)), counts)
                for after in (row.chosen, row.rejected)
            ]
            if all(sides):
                items.append(PairExample(row.place, tuple(sides[0]), tuple(sides[1])))
            elif counts.left_out.total() > before.total() + 1:  # one pair, though both of its sides are out
                reason = next(iter(counts.left_out - before))
                counts.left_out = before
                counts.left_out[reason] += 1
        return self._done(items, [each for item in items for each in item.documents], counts, None, split)

    def _sources(self, split: Split) -> list[SourceFile]:
        found = find_files(self.settings.train if split == "train" else self.settings.validation, split)
        if split == "train":
            refuse_same_file(found, find_files(self.settings.validation, "validation"))
        return found

    def _all(self, split: Split, kinds: tuple[type[Row], ...], counts: _Counts) -> Iterator[Row]:
        for source in self._sources(split):
            yield from self._rows(source, kinds, counts)

    def _rows(self, source: SourceFile, kinds: tuple[type[Row], ...], counts: _Counts) -> Iterator[Row]:
        number = 0
        for number, row in enumerate(read_rows(source), start=1):
            if not isinstance(row, kinds):
                wanted = " or ".join(_NAMES[kind] for kind in kinds)
                raise TrainingError(f"{source.path}: row {number} is {_NAMES[type(row)]}; {wanted} is needed here")
            counts.read[_NAMES[type(row)]] += 1
            if self.settings.validation:
                counts.seen.add(row)
            yield row
        counts.files.append(CardFile(name=f"{source.path.parent.name}/{source.path.name}", sha256=source.sha256, rows=number))

    def _exact(self, row: ExactRow) -> Example:
        if row.input_ids and not 0 <= min(row.input_ids) <= max(row.input_ids) < self.vocabulary:
            raise TrainingError(
                f"{row.place}: ids from {min(row.input_ids)} to {max(row.input_ids)}, and the model knows 0 to {self.vocabulary - 1}: the tokens are another model's"
            )
        mask = np.asarray(row.loss_mask, dtype=np.bool_)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
        answers = [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
        return example(row.place, row.input_ids, row.loss_mask, answers)

    def _chat(self, row: ChatRow, counts: _Counts) -> list[Example]:
        row, malformed = mended(row)
        try:
            made = self._renderer().examples(row)
        except TrainingError:
            if self.settings.broken == "stop":
                raise
            counts.left_out[_BROKEN] += 1
            return []
        if not made:
            counts.left_out[_MASKED] += 1
            return []
        if malformed:
            counts.changed["malformed calls of masked turns, rendered with {}"] += malformed
        if len(made) > 1:
            if self.settings.unstable == "refuse":
                counts.left_out[_UNSTABLE] += 1
                return []
            counts.changed[f"conversations {_UNSTABLE}"] += 1
            counts.changed["rows of them"] += len(made)
        limit = self.settings.max_tokens
        if self.settings.too_long == "cut" and max(len(each) for each in made) > limit:
            fitting = cut_observations(row, limit, self._renderer().examples)
            if fitting is None:
                counts.left_out[_REFUSED] += 1
                return []
            counts.changed["conversations with observations cut"] += 1
            return fitting
        return [piece for each in made for piece in self._fitted(each, counts)]

    def _side(self, row: ChatRow, counts: _Counts) -> list[Example]:
        """Whole or not at all."""
        whole = replace(
            self, settings=self.settings.model_copy(update={"too_long": "cut" if self.settings.too_long == "cut" else "refuse"})
        )
        made = whole._chat(row, counts)
        return made if all(len(each) <= self.settings.max_tokens for each in made) else []

    def _fitted(self, made: Example, counts: _Counts) -> list[Example]:
        limit = self.settings.max_tokens
        if made.targets == 0:
            counts.left_out[_MASKED] += 1
            return []
        if len(made) <= limit:
            return [made]
        if self.settings.too_long == "split":
            pieces, lost = split_at_turns(made, limit, end_ids(self.recipe, self.tokenizer))
            if pieces:
                counts.changed["rows split at turns"] += 1
                counts.changed["pieces of them"] += len(pieces)
            if lost:
                counts.changed["learnable tokens lost in turns that fit into no piece"] += lost
            if not pieces:
                counts.left_out[_REFUSED] += 1
            return pieces
        if self.settings.too_long == "cut" and self._opening():  # or an answer that is masked would be taken for an observation
            mark = self.tokenizer.encode("\n[… left out …]\n", add_special_tokens=False)
            cut = cut_between_answers(made, limit, frozenset(self.tokenizer.added_tokens_decoder), mark)
            if cut is not None:
                counts.changed["rows of tokens with observations cut"] += 1
                return [cut]
        counts.left_out[_REFUSED] += 1
        return []

    def _text_ids(
        self, row: TextRow, end: int, middle: FillInTheMiddleSettings | None, marks: Marks | None, seed: int, counts: _Counts
    ) -> list[list[int]]:  # fmt: skip
        """One list where it is not taken apart, or fits then; else those of its pieces. A middle is a text that ends, wherever it stands."""
        chance = random.Random(f"{seed} {row.place} {hashlib.sha256(row.text.encode()).hexdigest()}")  # noqa: S311 - no secret
        if middle is not None and marks is not None and chance.random() < middle.rate:
            counts.changed["documents with fill-in-the-middle"] += 1
            limit = self.settings.max_tokens - 1
            return [
                [*ids, end] for ids in pieces_apart(row.text, self.tokenizer, marks, chance, suffix_first=middle.suffix_first, limit=limit)
            ]
        return [[*self.tokenizer.encode(row.text, add_special_tokens=False), end]]

    def _renderer(self) -> Renderer:
        return Renderer(self.tokenizer, self.recipe, reasoning=self.settings.reasoning)

    def _opening(self) -> list[int]:
        """Tokens that open an answer; empty where no template tells, or nothing tells turns apart."""
        if not end_ids(self.recipe, self.tokenizer):
            return []
        try:
            return list(self.tokenizer.encode(self._renderer().opening(), add_special_tokens=False))
        except TrainingError:
            return []

    def _done(
        self, items: Sequence[Item], documents: Sequence[Example], counts: _Counts, trip: RoundTrip | None, split: Split
    ) -> Dataset[Item]:  # fmt: skip
        card = split_card(counts.files, documents, read=counts.read, left_out=counts.left_out, changed=counts.changed, round_trip=trip)
        if not items:
            why = ", ".join(f"{reason} {count}" for reason, count in counts.left_out.items()) or "there are no rows"
            raise TrainingError(f"nothing to learn in the {split} split: {counts.read.total()} rows read; {why}")
        return Dataset(tuple(items), card, counts.seen)


_NAMES: Final[dict[type[Any], str]] = {ChatRow: "chat", ExactRow: "tokens", PairRow: "pairs", TextRow: "text"}


def _answers(prompt: Sequence[object], after: Sequence[Any]) -> frozenset[int]:
    return frozenset(len(prompt) + number for number, message in enumerate(after) if message["role"] == "assistant")
