"""Rendering with a tokenizer whose tokens reach across lines, beside a server that tokenises its whole history anew for each request."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import ACROSS_LINES, FAMILIES, TOOLS, answer, family_tokenizer, result, user
from training.recipe import find_recipe
from training.rendering import Renderer, Turn
from training.rows import ChatRow

LEARNT = (2, 4, 6)


def conversation(family: str) -> tuple[dict[str, Any], ...]:
    thinks = find_recipe(family).thinking is not None
    return (
        {"role": "system", "content": "Repair.\n\n"},
        user("Why?\n"),
        answer(calls=(("bash", {"command": "ls\n\n<a>\n"}),), thinking="Let me see.\n\nSo." if thinks else None),
        result("a.ts\n"),
        answer("Looking.", thinking="Hm.\n" if thinks else None, calls=(("bash", {"command": "cat a.ts"}),)),
        result("\n\n{\n\n}"),
        answer("Because.\n\nIt is so.", thinking="<see>\n" if thinks else None),
    )


def served(turns: list[Turn], tokenizer: Any) -> list[tuple[list[int], list[int]]]:
    """Rows of what the server reads and the model writes: an answer goes on in a row where the prompt's tokens begin with all of it."""
    rows: list[tuple[list[int], list[int]]] = []
    for turn in turns:
        read, said = (tokenizer.encode(text, add_special_tokens=False) for text in (turn.prompt, turn.answer))
        if not rows or read[: len(rows[-1][0])] != rows[-1][0]:
            rows.append(([], []))
        ids, mask = rows[-1]
        mask += [0] * (len(read) - len(ids)) + [1] * len(said)
        ids += [*read[len(ids) :], *said]
    return rows


@pytest.mark.parametrize("merges", [(), ACROSS_LINES])
@pytest.mark.parametrize("family", FAMILIES)
def test_ids_and_masks_are_those_of_a_server_that_tokenises_its_whole_history(family: str, merges: Any) -> None:
    tokenizer, recipe = family_tokenizer(family, merges), find_recipe(family)
    renderer = Renderer(tokenizer, recipe)
    row = ChatRow("rows.jsonl:1", conversation(family), TOOLS, frozenset(LEARNT))
    turns = list(renderer.turns(row))
    assert tuple(turn.message for turn in turns) == LEARNT
    made = [(each.ids.tolist(), each.learned.astype(int).tolist()) for each in renderer.examples(row)]
    assert made == served(turns, tokenizer)

    def encoded(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    learnt = [token for ids, mask in made for token, learned in zip(ids, mask, strict=True) if learned]
    assert learnt == [token for turn in turns for token in encoded(turn.answer)]
    if merges:
        assert len(made) > 1
        assert any(encoded(turn.prompt + turn.answer) != encoded(turn.prompt) + encoded(turn.answer) for turn in turns)


def test_marks_that_are_tokens_of_their_own_keep_a_conversation_in_one_row() -> None:
    tokenizer = family_tokenizer("nemotron-3-nano", ACROSS_LINES)
    tokenizer.add_tokens(["<think>", "</think>", "<tool_call>", "</tool_call>"])
    said = conversation("nemotron-3-nano")
    row = ChatRow("x", said, TOOLS, None)
    assert len(Renderer(tokenizer, find_recipe("nemotron-3-nano")).examples(row)) == 2, "a line break and `<` are one token in the history"
    plain = tuple({**message, "reasoning_content": "Hm."} if message["role"] == "assistant" else message for message in said)
    assert len(Renderer(tokenizer, find_recipe("nemotron-3-nano")).examples(ChatRow("x", plain, TOOLS, None))) == 1
