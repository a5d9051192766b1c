from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import FAMILIES, answer, family_tokenizer, user
from tests.training.tiny_models import write_rows
from training.messages import read_messages
from training.recipe import find_recipe
from training.rendering import Renderer
from training.rows import ChatRow, find_files, read_rows


def texts_of(recipe: str, messages: list[dict[str, Any]], tmp_path: Path) -> list[tuple[str, str]]:
    """Prompts and answers of a row that was read."""
    (row,) = read_rows(find_files([write_rows(tmp_path / "rows.jsonl", [{"messages": messages}])], "train")[0])
    assert isinstance(row, ChatRow)
    return [(turn.prompt, turn.answer) for turn in Renderer(family_tokenizer(recipe), find_recipe(recipe)).turns(row)]


@pytest.mark.parametrize("recipe", FAMILIES)
def test_parts_of_text_render_as_the_text_that_they_are(recipe: str, tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "hi"}, {"type": "text", "text": "there", "cache": None}]
    in_parts = [{"role": "user", "content": parts}, {"role": "assistant", "content": [{"text": "yes"}]}]
    made = texts_of(recipe, in_parts, tmp_path)
    assert made == texts_of(recipe, [user("hi\nthere"), answer("yes")], tmp_path)
    assert "hi\nthere" in made[0][0]
    assert "yes" in made[0][1]


@pytest.mark.parametrize("recipe", [recipe for recipe in FAMILIES if find_recipe(recipe).thinking is not None])
def test_thinking_is_the_same_under_the_name_that_vllm_has_for_it(recipe: str, tmp_path: Path) -> None:
    made = texts_of(recipe, [user("a"), {**answer("b"), "reasoning": "Hm."}], tmp_path)
    assert made == texts_of(recipe, [user("a"), answer("b", thinking="Hm.")], tmp_path)
    assert "Hm." in made[0][1]


def test_both_names_may_say_the_same() -> None:
    (message,) = read_messages([{"role": "assistant", "reasoning": "Hm.", "reasoning_content": "Hm."}], "messages", from_table=False)
    assert message == {"role": "assistant", "reasoning_content": "Hm."}
