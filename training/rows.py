"""The rows that a trainer reads: conversations, the very tokens, preference pairs, plain text.

What `harness trajectories export` writes is read as it stands, JSON lines or Parquet, and so are other programs' rows of the same names. Nothing
goes through a table on its way from JSON: columns with a type would fill the names that other calls' arguments have with nulls, and those would
be learnt. A row of unknown form, a file that has changed since its card was written and a broken line are errors that name the place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from training.errors import TrainingError
from trajectories.documents import documents
from trajectories.errors import TrajectoryError

Split = Literal["train", "validation"]

_SUFFIXES: Final = (".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A conversation. `trained` holds the places of the answers that carry loss; None: every answer does."""

    place: str
    """File and number of the row, for messages."""
    messages: tuple[Mapping[str, Any], ...]
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
    prompt: tuple[Mapping[str, Any], ...]
    chosen: tuple[Mapping[str, Any], ...]
    rejected: tuple[Mapping[str, Any], ...]
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
            except (KeyError, TypeError, ValueError) as error:
                raise TrainingError(f"{file.path}: row {number}: {error}") from error
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
        prompt, chosen, rejected = (
            _messages(content.get(name) or (), name, from_table=from_table) for name in ("prompt", "chosen", "rejected")
        )
        return PairRow(place, prompt, chosen, rejected, _tools(content.get("tools"), from_table=from_table))
    if "messages" in content:
        messages = _messages(content["messages"], "messages", from_table=from_table)
        trained = content.get("trained")
        if trained is not None and any(not 0 <= at < len(messages) or messages[at]["role"] != "assistant" for at in trained):
            raise ValueError("`trained` names messages that are no answers")
        sent = content.get("reasoning_sent")
        record = content.get("sha256")
        taught = None if trained is None else frozenset(trained)
        return ChatRow(place, messages, _tools(content.get("tools"), from_table=from_table), taught, record, sent is None or bool(sent))
    if "input_ids" in content:
        ids, mask = tuple(content["input_ids"]), content.get("loss_mask")
        mask = (1,) * len(ids) if mask is None else tuple(mask)
        if len(mask) != len(ids):
            raise ValueError(f"{len(ids)} input_ids, and a loss_mask of {len(mask)}")
        if not all(isinstance(each, int) for each in ids):
            raise ValueError("input_ids are whole numbers")
        return ExactRow(place, ids, mask, content.get("sha256"))
    if isinstance(content.get("text"), str):
        return TextRow(place, content["text"])
    raise ValueError("one of `messages`, `input_ids`, `chosen` and `rejected`, or `text` is needed")


def _messages(content: Sequence[Mapping[str, Any]], name: str, *, from_table: bool) -> tuple[Mapping[str, Any], ...]:
    """Without the names that hold nothing: templates ask whether one is there."""
    messages = []
    for number, message in enumerate(content):
        kept = {key: value for key, value in message.items() if value is not None}
        if not isinstance(kept.get("role"), str):
            raise ValueError(f"{name}[{number}] has no role")  # noqa: TRY004 - of what a file holds
        if from_table and any(isinstance(_arguments(call), dict) for call in kept.get("tool_calls") or ()):
            raise ValueError(
                f"{name}[{number}]: a table fills arguments that are objects with the names of other calls: export them as strings, or as JSON lines"
            )
        if not kept.get("tool_calls"):
            kept.pop("tool_calls", None)
        messages.append(kept)
    return tuple(messages)


def _arguments(call: Mapping[str, Any]) -> object:
    function = call.get("function", call)
    return function.get("arguments")


def _tools(content: object, *, from_table: bool) -> tuple[Mapping[str, Any], ...]:
    """They may be a text in JSON, and are in a table."""
    if from_table and content is not None and not isinstance(content, str):
        raise ValueError("a table fills tools that are objects with the names of other tools: write them as text in JSON, or as JSON lines")
    tools = json.loads(content) if isinstance(content, str) else content
    if tools is None:
        return ()
    if not isinstance(tools, list | tuple) or not all(isinstance(tool, dict) for tool in tools):
        raise ValueError("tools are a list of objects")
    return tuple(tools)
