"""The rows that a trainer reads: conversations, the very tokens, preference pairs, plain text.

What `harness trajectories export` writes is read as it stands, JSON lines or Parquet, and so are other programs' rows of the same names. Nothing
goes through a table on its way from JSON: columns with a type would fill the names that other calls' arguments have with nulls, and those would
be learnt. A row of unknown form, a file that has changed since its card was written and a broken line are errors that name the place. What a message
may be, `training.messages` says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from training.errors import TrainingError
from training.messages import Message, check_characters, read_messages, read_tools
from trajectories.documents import documents
from trajectories.errors import TrajectoryError

Split = Literal["train", "validation"]

_SUFFIXES: Final = (".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A conversation. `trained` holds the places of the answers that carry loss; None: every answer does."""

    place: str
    """File and number of the row, for messages."""
    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]
    trained: frozenset[int] | None
    record: str | None = None
    """sha256 of the trajectory that it was made of."""
    reasoning_sent: bool = True
    """Whether the model saw its earlier reasoning."""


@dataclass(frozen=True, slots=True)
class ExactRow:
    """The tokens as a server read and wrote them."""

    place: str
    input_ids: tuple[int, ...]
    loss_mask: tuple[int, ...]
    record: str | None = None


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two ways on from one prompt, of which the first is to be preferred."""

    place: str
    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class TextRow:
    """A document without turns: all of it is learnt."""

    place: str
    text: str


Row = ChatRow | ExactRow | PairRow | TextRow


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that rows come from."""

    path: Path
    sha256: str
    rows: int | None
    """As its card says; None without one."""


def find_files(places: Sequence[Path], split: Split) -> list[SourceFile]:
    """The files of a split, in the order of `places` and of their names.

    A file stands for itself. Of a directory those are taken whose names begin with the split's; where none does, all of them are the training
    split. TrainingError when there is nothing, or a file is not the one that the directory's card tells of.
    """
    found = []
    for place in places:
        if place.is_file():
            if place.suffix not in _SUFFIXES:
                raise TrainingError(f"{place}: rows are JSON lines (.jsonl) or Parquet (.parquet)")
            found.append(SourceFile(place, _digest(place), None))
        elif place.is_dir():
            found += _of_directory(place, split)
        else:
            raise TrainingError(f"{place}: there is no such file or directory")
    return found


def read_rows(file: SourceFile) -> Iterator[Row]:
    """Its rows, one at a time. TrainingError names the first that cannot be read."""
    try:
        for number, content in enumerate(documents(file.path), start=1):
            place = f"{file.path.name}:{number}"
            if isinstance(content, ValueError):
                raise TrainingError(f"{file.path}: row {number}: {content}")
            if not isinstance(content, dict):
                raise TrainingError(f"{file.path}: row {number}: an object is needed")
            try:
                yield _row(place, content, from_table=file.path.suffix == ".parquet")
            except ValueError as error:
                raise TrainingError(f"{file.path}: row {number}: {error}") from error
            except RecursionError as error:
                raise TrainingError(f"{file.path}: row {number}: nested too deeply") from error
    except TrajectoryError as error:
        raise TrainingError(str(error)) from error


def _of_directory(directory: Path, split: Split) -> list[SourceFile]:
    files = sorted(file for file in directory.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith("."))
    named = [file for file in files if file.name.startswith(split)]
    if not named and split == "train":
        named = [file for file in files if not file.name.startswith("validation")]
    if not named and split == "train":
        raise TrainingError(f"{directory} holds no rows: .jsonl or .parquet files are needed")
    told = _card(directory)
    found = []
    for file in named:
        digest = _digest(file)
        rows = None
        if file.name in told:
            wanted, rows = told[file.name]
            if wanted != digest:
                raise TrainingError(f"{file} is not what {directory / 'card.json'} tells of: export it again")
        found.append(SourceFile(file, digest, rows))
    return found


def _card(directory: Path) -> dict[str, tuple[str, int]]:
    """Digest and number of rows by file name; empty where there is no card of ours."""
    try:
        files = json.loads((directory / "card.json").read_text(encoding="utf-8"))["files"]
        return {file["name"]: (file["sha256"], int(file["rows"])) for file in files}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _row(place: str, content: dict[str, Any], *, from_table: bool) -> Row:
    if "chosen" in content and "rejected" in content:
        prompt = () if content.get("prompt") is None else read_messages(content["prompt"], "prompt", from_table=from_table)
        chosen, rejected = (read_messages(content[name], name, from_table=from_table) for name in ("chosen", "rejected"))
        return PairRow(place, prompt, chosen, rejected, read_tools(content.get("tools"), from_table=from_table))
    if "messages" in content:
        messages = read_messages(content["messages"], "messages", from_table=from_table)
        sent = content.get("reasoning_sent")
        if not isinstance(sent, bool | None):
            raise ValueError("reasoning_sent is true or false")
        tools = read_tools(content.get("tools"), from_table=from_table)
        return ChatRow(place, messages, tools, _trained(content.get("trained"), messages), _record(content), sent is not False)
    if "input_ids" in content:
        ids = content["input_ids"]
        if not isinstance(ids, list) or not {type(each) for each in ids} <= {int}:
            raise ValueError("input_ids are a list of whole numbers")
        return ExactRow(place, tuple(ids), _mask(content.get("loss_mask"), len(ids)), _record(content))
    if isinstance(content.get("text"), str):
        check_characters(content["text"], "text")
        return TextRow(place, content["text"])
    raise ValueError("one of `messages`, `input_ids`, `chosen` and `rejected`, or `text` is needed")


def _trained(content: object, messages: Sequence[Message]) -> frozenset[int] | None:
    if content is None:
        return None
    if not isinstance(content, list) or not {type(at) for at in content} <= {int}:
        raise ValueError("`trained` is a list of the places of answers")
    if any(not 0 <= at < len(messages) or messages[at]["role"] != "assistant" for at in content):
        raise ValueError("`trained` names messages that are no answers")
    return frozenset(content)


def _mask(content: object, length: int) -> tuple[int, ...]:
    """Without one, all is learnt. Weights are refused: whatever is not nothing would count as learnt."""
    if content is None:
        return (1,) * length
    if not isinstance(content, list):
        raise ValueError("loss_mask is a list")
    if len(content) != length:
        raise ValueError(f"{length} input_ids, and a loss_mask of {len(content)}")
    if wrong := [each for each in content if type(each) not in (int, bool) or each not in (0, 1)]:
        raise ValueError(f"loss_mask holds {wrong[0]!r}: each is 0 or 1, true or false")
    return tuple(map(int, content))


def _record(content: Mapping[str, Any]) -> str | None:
    record = content.get("sha256")
    if not isinstance(record, str | None):
        raise ValueError("sha256 is a text")
    return record
