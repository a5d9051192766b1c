from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import TrainingError
from training.rows import ChatRow, ExactRow, PairRow, Row, TextRow, find_files, read_rows

USER = {"role": "user", "content": "a"}
ANSWER = {"role": "assistant", "content": "b"}


def called(**call: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", "tool_calls": [call]}]}


def read(tmp_path: Path, *rows: object) -> list[Row]:
    file = tmp_path / "train.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    (source,) = find_files([file], "train")
    return list(read_rows(source))


def test_each_kind_of_row_is_told_by_its_names(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        {"messages": [USER, ANSWER], "trained": [1], "tools": '[{"type": "function"}]', "sha256": "f00", "reasoning_sent": False},
        {"input_ids": [1, 2], "loss_mask": [False, 1], "sha256": "f00"},
        {"input_ids": [1, 2]},
        {"prompt": [USER], "chosen": [ANSWER], "rejected": [ANSWER]},
        {"text": "a"},
    )
    assert rows == [
        ChatRow("train.jsonl:1", (USER, ANSWER), ({"type": "function"},), frozenset({1}), "f00", reasoning_sent=False),
        ExactRow("train.jsonl:2", (1, 2), (0, 1), "f00"),
        ExactRow("train.jsonl:3", (1, 2), (1, 1)),
        PairRow("train.jsonl:4", (USER,), (ANSWER,), (ANSWER,), ()),
        TextRow("train.jsonl:5", "a"),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ([1], "an object is needed"),
        ({"messages": "hi"}, "messages is a list of messages, and here a text"),
        ({"messages": ["hi"]}, r"messages\[0\] is a message, which is an object, and here a text"),
        ({"messages": [USER, None]}, r"messages\[1\] is a message, which is an object, and here null"),
        ({"messages": [{"role": 1}]}, r"messages\[0\] has no role"),
        ({"messages": [USER, {**ANSWER, "function_call": {"name": "ls"}}]}, r"messages\[1\]: function_call is the old form"),
        ({"messages": [{**USER, "content": 3}]}, r"messages\[0\].content is a text or a list of parts, and here a number"),
        ({"messages": [{**USER, "content": [{"type": "image_url"}]}]}, r"messages\[0\].content\[0\] is image_url"),
        ({"messages": [{**USER, "content": ["a"]}]}, r"messages\[0\].content\[0\] is a text: of parts"),
        ({"messages": [{**USER, "content": [{"type": "text"}]}]}, r"messages\[0\].content\[0\] is a part of text without a text"),
        ({"messages": [{**USER, "content": "\ud800"}]}, r"messages\[0\]: '\\ud800' at character 0 is half of a surrogate pair"),
        (
            {"messages": [USER, {**ANSWER, "reasoning": "a", "reasoning_content": "b"}]},
            r"messages\[1\]: reasoning and reasoning_content differ",
        ),
        ({"messages": [USER, {**ANSWER, "tool_calls": "x"}]}, r"messages\[1\].tool_calls is a list of calls, and here a text"),
        ({"messages": [USER, {**ANSWER, "tool_calls": ["x"]}]}, r"messages\[1\].tool_calls\[0\] is no object that holds a function's name"),
        (called(function=None), r"messages\[1\].tool_calls\[0\] is no object that holds a function's name"),
        (called(function={"name": 3}), r"messages\[1\].tool_calls\[0\]: a function's name is a text"),
        ({"messages": [USER, ANSWER], "trained": [0]}, "`trained` names messages that are no answers"),
        ({"messages": [USER, ANSWER], "trained": ["1"]}, "`trained` is a list of the places of answers"),
        ({"messages": [USER, ANSWER], "trained": 1}, "`trained` is a list of the places of answers"),
        ({"messages": [USER, ANSWER], "reasoning_sent": "no"}, "reasoning_sent is true or false"),
        ({"messages": [USER, ANSWER], "sha256": [1]}, "sha256 is a text"),
        ({"messages": [USER, ANSWER], "tools": "["}, "Expecting value"),
        ({"messages": [USER, ANSWER], "tools": ["x"]}, "tools are a list of objects"),
        ({"messages": [USER, ANSWER], "tools": '[{"name": "\\ud800"}]'}, r"tools: '\\ud800' at character 0 is half of a surrogate pair"),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, "prompt is a list of messages, and here a text"),
        ({"chosen": "a", "rejected": "b"}, "chosen is a list of messages, and here a text"),
        ({"chosen": [ANSWER], "rejected": None}, "rejected is a list of messages, and here null"),
        ({"input_ids": "12"}, "input_ids are a list of whole numbers"),
        ({"input_ids": [1, True]}, "input_ids are a list of whole numbers"),
        ({"input_ids": [1, 2], "loss_mask": [1]}, "2 input_ids, and a loss_mask of 1"),
        ({"input_ids": [1, 2], "loss_mask": "01"}, "loss_mask is a list"),
        ({"input_ids": [1, 2], "loss_mask": [0, 0.5]}, "loss_mask holds 0.5: each is 0 or 1, true or false"),
        ({"input_ids": [1, 2], "loss_mask": [0, 1.0]}, "loss_mask holds 1.0: each is 0 or 1, true or false"),
        ({"input_ids": [1, 2], "loss_mask": [0, "0"]}, "loss_mask holds '0': each is 0 or 1, true or false"),
        ({"input_ids": [1, 2], "loss_mask": [0, 2]}, "loss_mask holds 2: each is 0 or 1, true or false"),
        ({"text": "a\udfff"}, r"text: '\\udfff' at character 1 is half of a surrogate pair"),
        ({"text": 3}, "one of `messages`, `input_ids`, `chosen` and `rejected`, or `text` is needed"),
    ],
)
def test_a_row_of_another_form_is_one_line_with_file_and_number(row: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=rf"train.jsonl: row 2: {complaint}") as error:
        read(tmp_path, {"text": "a"}, row)
    assert "\n" not in str(error.value)


def test_a_row_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    """How deep is too deep depends on Python and on who calls: a row is read, or it is named."""
    file = tmp_path / "train.jsonl"
    for depth in (*range(900, 1000, 10), 100_000):
        file.write_text('{"messages": [{"role": "user", "a": ' + "[" * depth + "]" * depth + "}]}\n", encoding="utf-8")
        with contextlib.suppress(TrainingError):
            assert len(list(read_rows(find_files([file], "train")[0]))) == 1
    with pytest.raises(TrainingError, match="row 1: nested too deeply"):
        list(read_rows(find_files([file], "train")[0]))
