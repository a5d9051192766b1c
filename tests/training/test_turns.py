from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import FAMILIES, answer, family_tokenizer, user
from tests.training.tiny_models import write_rows
from training.data_settings import DataSettings
from training.dataset import Preparation
from training.examples import example
from training.recipe import find_recipe
from training.rendering import Renderer
from training.rows import ChatRow
from training.turns import end_ids, end_names, find_answers, stop_ids

OPENING = {
    "nemotron-3-nano": "<|im_start|>assistant",
    "qwen3": "<|im_start|>assistant",
    "llama": "<|start_header_id|>assistant<|end_header_id|>",
    "smollm3": "<|im_start|>assistant",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_found_in_tokens_learnt_or_not(family: str) -> None:
    tokenizer, recipe = family_tokenizer(family), find_recipe(family)
    renderer = Renderer(tokenizer, recipe)
    assert renderer.opening() == OPENING[family]
    turns = (user("Go on."), answer("Zero."), user("a"), answer("One."), user("assistant"), answer("Two."), user("b"), answer("Three."))
    row = renderer.examples(ChatRow("x", turns, (), frozenset({3, 7})))[-1]

    def found(learned: Any) -> list[tuple[int, int]]:
        opening = tokenizer.encode(renderer.opening(), add_special_tokens=False)
        return find_answers(row.ids, learned, end_ids(recipe, tokenizer), opening, tokenizer.decode)

    spans = found(row.learned)
    for (start, end), word in zip(spans, ("Zero.", "One.", "Two.", "Three."), strict=True):
        text = tokenizer.decode(row.ids[start:end]).strip()
        assert text.endswith(f"{word}{recipe.template.end[0]}")
        assert row.learned[start:end].all() or text.startswith(OPENING[family])
    assert row.learned[slice(*spans[-1])].all()
    half = row.learned.copy()
    half[-3:] = False
    assert found(half) == spans, "the rest of an answer is part of it"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_masked_answer_in_tokens_is_not_cut_as_an_observation(family: str, tmp_path: Path) -> None:
    tokenizer, recipe = family_tokenizer(family), find_recipe(family)
    masked = "masked" * 300
    turns = [user("Go on."), answer("One."), user("r" * 900), answer(masked), user("s" * 900), answer("Two.")]
    (whole,) = Renderer(tokenizer, recipe).examples(ChatRow("x", tuple(turns), (), frozenset({1, 5})))[-1:]
    row = {"input_ids": whole.ids.tolist(), "loss_mask": whole.learned.astype(int).tolist()}
    rows = write_rows(tmp_path / "rows.jsonl", [row, {"input_ids": [1, 2], "loss_mask": [0, 1]}])

    def cut(limit: int, chat_template: str | None = tokenizer.chat_template) -> Any:
        tokenizer.chat_template = chat_template
        settings = DataSettings(train=(rows,), max_tokens=limit, too_long="cut")
        return Preparation(tokenizer, recipe, settings, len(tokenizer)).conversations("train")

    made = cut(len(whole) - 500)
    assert made.card.changed == {"rows of tokens with observations cut": 1}
    assert masked in tokenizer.decode(made.items[0].ids)
    assert cut(len(whole) - 2000).card.left_out == {"longer than data.max_tokens": 1}
    assert cut(len(whole) - 500, None).card.left_out == {"longer than data.max_tokens": 1}, "nothing tells whose turns they are"


def test_an_answer_that_begins_long_before_what_is_learnt_of_it_is_all_of_its_turn() -> None:
    ids = [9, 1, 7, *range(20, 120), 1, 5, 5]
    row = example("x", ids, [token >= 118 for token in ids])
    assert find_answers(row.ids, row.learned, {1}, [7], lambda tokens: "".join(map(chr, tokens))) == [(2, 104)]


def test_generation_stops_at_the_ends_of_turns_the_end_of_text_and_what_the_checkpoint_tells() -> None:
    tokenizer, recipe = family_tokenizer("qwen3"), find_recipe("qwen3")
    end, last = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert end_ids(recipe, tokenizer) == {end}
    assert stop_ids(recipe, tokenizer, [3, end]) == [end, last, 3]
    silent = recipe.model_copy(update={"template": recipe.template.model_copy(update={"end": ()})})
    assert end_names(silent, tokenizer) == ("<|endoftext|>",)
    elsewhere = recipe.model_copy(update={"template": recipe.template.model_copy(update={"end": ("</s>",)})})
    assert end_ids(elsewhere, tokenizer) == frozenset()
    tokenizer.eos_token = None
    assert end_names(silent, tokenizer) == ()
