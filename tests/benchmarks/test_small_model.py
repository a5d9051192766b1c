"""The small model's tokenizer and what it reads: as the trainer renders it, with and without whole lines as tokens."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from benchmarks.small_model import Shape, as_text, make_tokenizer, paths
from benchmarks.small_suite import write_suite
from harness.tools import schemas
from tasks.suite import load_suite
from training.recipe import find_recipe
from training.rendering import Renderer
from training.rows import ChatRow

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers


@pytest.mark.parametrize("whole_lines", [False, True])
def test_a_path_is_one_row_whose_answers_are_calls(tmp_path: Path, whole_lines: bool):
    write_suite(tmp_path / "suite", train=6, held_out=0, tasks=2)
    tasks = load_suite(str(tmp_path / "suite")).tasks
    tools = schemas()
    said = list(paths(tasks, 0.0, random.Random(0)))
    tokenizer = make_tokenizer([as_text(each, tools) for each in said], Shape(1, 64, 1, 512), whole_lines=whole_lines)
    renderer = Renderer(tokenizer, find_recipe("qwen3"))
    for task, messages in zip(tasks, said, strict=True):
        (row,) = renderer.examples(ChatRow("path", tuple(messages), tuple(tools), None))
        answers = [tokenizer.decode(row.ids[begin:end]) for begin, end in row.answers]
        assert len(answers) == 5
        assert all(answer.endswith("}\n</tool_call><|im_end|>") for answer in answers)
        assert answers[-1] == 'The work is done.<tool_call>\n{"name": "submit", "arguments": {}}\n</tool_call><|im_end|>'
        assert task.problem_statement.strip() in tokenizer.decode(row.ids)
        assert (len(row) < 250) == whole_lines


def test_a_careless_path_is_right_as_often_as_the_lot_has_it(tmp_path: Path):
    write_suite(tmp_path / "suite", train=4, held_out=0, tasks=5)
    tasks = load_suite(str(tmp_path / "suite")).tasks
    chance = random.Random(0)
    careful = list(paths(tasks, 0.0, chance))
    careless = [path for _ in range(30) for path in paths(tasks, 1.0, chance)]
    right = [path for path in careless if path in careful]
    assert 0.25 < len(right) / len(careless) < 0.42
