"""Files as rows of tokens: some with their middle moved to the end, those of one repository one after another up to a row's length. No transformers."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.corpus.settings import RowSettings
from training.corpus.syntax import cut
from training.errors import TrainingError
from training.fill_in_the_middle import Marks, find_marks, take_apart


@dataclass(frozen=True, slots=True)
class TokenRow:
    ids: list[int]
    counts: dict[str, int]
    """Tokens by the path of the file that they are of, in order."""


class RowMaker:
    """Makes rows of one length; the same for the same files and seed."""

    def __init__(self, settings: RowSettings, seed: int) -> None:
        """TrainingError when the tokenizer cannot be read, has no end of text, or none of the marks that are asked for."""
        assert settings.tokenizer is not None
        self._settings = settings
        self._seed = seed
        self._vocabulary = Vocabulary(settings.tokenizer)
        self._end = self._vocabulary.end_of_text(settings.end_of_text)
        self._marks: Marks | None = find_marks(self._vocabulary, settings.marks) if settings.fill_in_the_middle else None

    def rows(self, repository: str, files: Iterable[tuple[str, bytes]]) -> Iterator[TokenRow]:
        """Of one repository's files, by path and content, in their order. A file that does not fit into what is left of a row begins the next."""
        ids: list[int] = []
        counts: dict[str, int] = {}
        for path, content in files:
            for number, piece in enumerate(self._pieces(content, path)):
                encoded = self._encoded(piece, f"{repository}\0{path}\0{number}")
                if ids and len(ids) + len(encoded) > self._settings.tokens:
                    yield TokenRow(ids, counts)
                    ids, counts = [], {}
                ids += encoded
                counts[path] = counts.get(path, 0) + len(encoded)
        if ids:
            yield TokenRow(ids, counts)

    def _pieces(self, content: bytes, path: str) -> Iterator[str]:
        """Each with room for the end of text and three marks, also when its parts are encoded apart."""
        room = self._settings.tokens - 8
        rest = [(content, min(self._settings.characters, 6 * room))]
        while rest:
            piece, largest = rest.pop()
            small = cut(piece, path, largest)
            if len(small) > 1:
                rest += [(each, largest) for each in reversed(small)]
                continue
            count = len(self._vocabulary.encode(piece.decode("utf-8"), add_special_tokens=False))
            if count <= room or len(piece) < 8:
                yield piece.decode("utf-8")
            else:
                rest.append((piece, max(4, min(len(piece) - 1, int(0.9 * len(piece) * room / count)))))

    def _encoded(self, text: str, name: str) -> list[int]:
        chance = random.Random(hashlib.sha256(f"{self._seed}\0{name}".encode()).digest())  # noqa: S311 - no secret
        if self._marks is not None and chance.random() < self._settings.fill_in_the_middle:
            taken = take_apart(text, self._vocabulary, self._marks, chance, suffix_first=self._settings.suffix_first)
            if len(taken) < self._settings.tokens:
                return [*taken, self._end]
        return [*self._vocabulary.encode(text, add_special_tokens=False), self._end]


class Vocabulary:
    """A tokenizer.json, with what `training.fill_in_the_middle` asks of one."""

    def __init__(self, place: Path) -> None:
        from tokenizers import Tokenizer

        self._file = place / "tokenizer.json" if place.is_dir() else place
        try:
            self._tokenizer: Any = Tokenizer.from_str(self._file.read_text(encoding="utf-8"))
        except OSError as error:
            raise TrainingError(f"{self._file}: {error.strerror}: rows.tokenizer is a tokenizer.json or a directory with one") from error
        except Exception as error:  # the library raises nothing narrower
            raise TrainingError(f"{self._file}: not a tokenizer: {str(error).splitlines()[0]}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def get_vocab(self) -> dict[str, int]:
        vocabulary: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        return vocabulary

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Marks that stand in a text are text: a source that quotes an end of text does not end there."""
        self._tokenizer.encode_special_tokens = True
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def end_of_text(self, name: str | None) -> int:
        wanted = name or self._named_end()
        vocabulary = self.get_vocab()
        known = [wanted] if wanted else ["<|endoftext|>", "</s>", "<|end_of_text|>", "<|im_end|>", "<eos>"]
        found = next((vocabulary[each] for each in known if each in vocabulary), None)
        if found is None:
            raise TrainingError(
                f"{self._file} has no end of text{f' {wanted!r}' if wanted else ''}: name one of its tokens in rows.end_of_text"
            )
        return found

    def _named_end(self) -> str | None:
        try:
            about = json.loads((self._file.parent / "tokenizer_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        end = about.get("eos_token") if isinstance(about, dict) else None
        end = end.get("content") if isinstance(end, dict) else end
        return end if isinstance(end, str) else None


def tokenizer_digest(place: Path) -> str:
    """sha256 in hex of what rows depend on. TrainingError when there is no such file."""
    file = place / "tokenizer.json" if place.is_dir() else place
    total = hashlib.sha256()
    try:
        total.update(file.read_bytes())
    except OSError as error:
        raise TrainingError(f"{file}: {error.strerror}: rows.tokenizer is a tokenizer.json or a directory with one") from error
    beside = file.parent / "tokenizer_config.json"
    total.update(beside.read_bytes() if beside.is_file() else b"")
    return total.hexdigest()
