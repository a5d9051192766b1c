from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import FAMILIES, TOOLS, answer, family_tokenizer, result, user
from training.examples import Example, example
from training.recipe import find_recipe
from training.rendering import Renderer
from training.round_trip import compare_with_told
from training.rows import ChatRow

FIRST = (("bash", {"command": "ls ñ"}), ("bash", {"command": "cat 漢.ts"}))
CONVERSATION = (
    {"role": "system", "content": "Répare."},
    user("Warum? 漢字"),
    answer(thinking="Überlegen…", calls=FIRST),
    result("ä.ts"),
    result("Inhalt"),
    answer("Weil 漢字.", thinking="So."),
)
"""Thinking, parallel calls, letters of several bytes."""
LEARNT = (2, 5)

XML = (
    "<tool_call>\n<function=bash>\n<parameter=command>\nls ñ\n</parameter>\n</function>\n</tool_call>\n"
    "<tool_call>\n<function=bash>\n<parameter=command>\ncat 漢.ts\n</parameter>\n</function>\n</tool_call>\n"
)
JSON = (
    '<tool_call>\n{"name": "bash", "arguments": {"command": "ls ñ"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "bash", "arguments": {"command": "cat 漢.ts"}}\n</tool_call>'
)
PARAMETERS = '{"name": "bash", "parameters": {"command": "ls ñ"}}; {"name": "bash", "parameters": {"command": "cat 漢.ts"}}'
WRITTEN = {
    "nemotron-3-nano": (f"Überlegen…\n</think>\n{XML}<|im_end|>", "So.\n</think>\nWeil 漢字.<|im_end|>"),
    "qwen3": (f"<think>\nÜberlegen…\n</think>\n\n{JSON}<|im_end|>", "<think>\nSo.\n</think>\n\nWeil 漢字.<|im_end|>"),
    "llama": (f"{PARAMETERS}<|eot_id|>", "Weil 漢字.<|eot_id|>"),
    "smollm3": (f"<think>\nÜberlegen…\n</think>\n{JSON}<|im_end|>", "<think>\nSo.\n</think>\nWeil 漢字.<|im_end|>"),
}
"""What a model of the family writes, by hand."""
AS_TEXT = ("llama", "smollm3")
"""Families whose servers are sent these calls as text."""


def sent_to(family: str) -> list[dict[str, Any]]:
    """The conversation as the family's server gets it."""
    messages = [dict(message) for message in CONVERSATION]
    if family not in AS_TEXT:
        return messages
    texts = dict(zip(LEARNT, WRITTEN[family], strict=True))
    for place, text in texts.items():
        messages[place] = {"role": "assistant", "content": text.removesuffix("<|im_end|>").removesuffix("<|eot_id|>")}
    return messages


def served(family: str, tokenizer: Any) -> list[Example]:
    """Rows of the tokens that a server reads and a model writes, by the template itself."""
    recipe = find_recipe(family)
    messages = sent_to(family)
    options: dict[str, Any] = dict(recipe.template.kwargs) | {recipe.template.tools: list(TOOLS)}
    if recipe.thinking is not None and recipe.thinking.switch is not None:
        options[recipe.thinking.switch] = True
    rows: list[tuple[list[int], list[bool], list[tuple[int, int]]]] = []
    stood = ""
    for place, written in zip(LEARNT, WRITTEN[family], strict=True):
        prompt = tokenizer.apply_chat_template(messages[:place], add_generation_prompt=True, tokenize=False, **options)
        if not rows or not prompt.startswith(stood):
            rows.append(([], [], []))
            stood = ""
        ids, mask, answers = rows[-1]
        read = tokenizer.encode(prompt[len(stood) :], add_special_tokens=False)
        said = tokenizer.encode(written, add_special_tokens=False)
        answers.append((len(ids) + len(read), len(ids) + len(read) + len(said)))
        ids += read + said
        mask += [False] * len(read) + [True] * len(said)
        stood = prompt + written
    return [example("served", ids, mask, answers) for ids, mask, answers in rows]


def on_its_day(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers write today's date into the prompts of some templates; training writes the recipe's."""
    import transformers.utils.chat_template_utils as utils

    date, original = find_recipe(family).template.date, utils.datetime

    class Clock(original):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return original(date.year, date.month, date.day, tzinfo=tz)

    monkeypatch.setattr(utils, "datetime", Clock)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_rendered_is_token_for_token_what_a_server_was_sent_and_a_model_wrote(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_its_day(family, monkeypatch)
    tokenizer = family_tokenizer(family)
    messages = [dict(message) for message in CONVERSATION]
    if find_recipe(family).thinking is None:
        for message in messages:
            message.pop("reasoning_content", None)
    row = ChatRow("rows.jsonl:1", tuple(messages), TOOLS, frozenset(LEARNT), record="r")
    trip = compare_with_told([row], {"r": served(family, tokenizer)}, Renderer(tokenizer, find_recipe(family)), tokenizer)
    assert (trip.compared, trip.same, trip.first_difference) == (1, 1, None)


def test_a_word_that_differs_is_shown_with_its_place() -> None:
    tokenizer = family_tokenizer("qwen3")
    messages = [dict(message) for message in CONVERSATION]
    messages[5] = answer("Weil 漢 字.", thinking="So.")
    row = ChatRow("rows.jsonl:1", tuple(messages), TOOLS, frozenset(LEARNT), record="r")
    trip = compare_with_told([row], {"r": served("qwen3", tokenizer)}, Renderer(tokenizer, find_recipe("qwen3")), tokenizer)
    assert trip.same == 0
    assert trip.first_difference is not None
    assert "rendered" in trip.first_difference


def test_a_truth_value_that_a_server_renders_its_own_way_in_the_history_is_shown() -> None:
    """Nemotron's template writes `True` of what the model wrote as `true`; training writes what the model wrote."""
    tokenizer, recipe = family_tokenizer("nemotron-3-nano"), find_recipe("nemotron-3-nano")
    messages = (user("Why?"), answer(calls=(("bash", {"command": "ls", "all": True}),)), result("a"), answer("So."))
    prompt = tokenizer.apply_chat_template(
        list(messages[:3]), tools=list(TOOLS), add_generation_prompt=True, tokenize=False, enable_thinking=False, **recipe.template.kwargs
    )
    ids = tokenizer.encode(prompt, add_special_tokens=False)
    said = tokenizer.encode("\nSo.<|im_end|>", add_special_tokens=False)
    told = example("served", ids + said, [False] * len(ids) + [True] * len(said), [(len(ids), len(ids) + len(said))])
    row = ChatRow("rows.jsonl:1", messages, TOOLS, frozenset({3}), record="r")
    trip = compare_with_told([row], {"r": [told]}, Renderer(tokenizer, recipe), tokenizer)
    assert trip.same == 0
    assert trip.first_difference is not None
    assert "true" in trip.first_difference
    assert "True" in trip.first_difference
