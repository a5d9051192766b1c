from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import CHATML, FAMILIES, TOOLS, answer, byte_tokenizer, family_tokenizer, result, template, user
from training.errors import TrainingError
from training.examples import Example
from training.recipe import Recipe, find_recipe
from training.rendering import Renderer
from training.rows import ChatRow

SYSTEM = {"role": "system", "content": "Repair."}
WITHOUT_THINKING = (
    SYSTEM,
    user("Why?"),
    answer(calls=(("bash", '{"command": "ls", "all": true}'),)),
    result("a.ts"),
    answer("Because."),
)
WITH_THINKING = (
    SYSTEM,
    user("Why?"),
    answer("Looking.", thinking="Let me see.", calls=(("bash", '{"command": "ls"}'),)),
    result("a.ts"),
    answer("Because.", thinking="I see."),
)


def learned_texts(tokenizer: Any, row: Example) -> list[str]:
    """The runs of tokens that carry loss."""
    texts, run = [], []
    for token, learned in zip([*row.ids.tolist(), 0], [*row.learned.tolist(), False], strict=True):
        if learned:
            run.append(token)
        elif run:
            texts.append(tokenizer.decode(run))
            run = []
    return texts


def rendered(
    recipe: str | Recipe, messages: tuple[dict[str, Any], ...], trained: set[int] | None = None, **options: Any
) -> tuple[Any, list[Example]]:
    family = find_recipe(recipe) if isinstance(recipe, str) else recipe
    tokenizer = family_tokenizer(family.name)
    row = ChatRow(
        "rows.jsonl:1", messages, TOOLS, None if trained is None else frozenset(trained), reasoning_sent=options.pop("reasoning_sent", True)
    )
    return tokenizer, Renderer(tokenizer, family, **options).examples(row)


CALL = {
    "nemotron-3-nano": "\n<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n<parameter=all>\ntrue\n</parameter>\n</function>\n</tool_call>\n<|im_end|>",
    "qwen3": '<tool_call>\n{"name": "bash", "arguments": {"command": "ls", "all": true}}\n</tool_call><|im_end|>',
    "llama": '{"name": "bash", "parameters": {"command": "ls", "all": true}}<|eot_id|>',
    "smollm3": '<tool_call>\n{"name": "bash", "arguments": {"command": "ls", "all": true}}\n</tool_call><|im_end|>',
}
SAID = {
    "nemotron-3-nano": "Because.<|im_end|>",
    "qwen3": "Because.<|im_end|>",
    "llama": "Because.<|eot_id|>",
    "smollm3": "Because.<|im_end|>",
}
THOUGHT = {
    "nemotron-3-nano": [
        "Let me see.\n</think>\nLooking.\n<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>\n<|im_end|>",
        "I see.\n</think>\nBecause.<|im_end|>",
    ],
    "qwen3": [
        '<think>\nLet me see.\n</think>\n\nLooking.\n<tool_call>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_call><|im_end|>',
        "<think>\nI see.\n</think>\n\nBecause.<|im_end|>",
    ],
    "smollm3": [
        '<think>\nLet me see.\n</think>\nLooking.\n<tool_call>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_call><|im_end|>',
        "<think>\nI see.\n</think>\nBecause.<|im_end|>",
    ],
}


@pytest.mark.parametrize("recipe", FAMILIES)
def test_what_is_learnt_is_token_by_token_what_the_model_would_have_written(recipe: str) -> None:
    tokenizer, rows = rendered(recipe, WITHOUT_THINKING)
    assert [text for row in rows for text in learned_texts(tokenizer, row)] == [CALL[recipe], SAID[recipe]]


@pytest.mark.parametrize("recipe", THOUGHT)
def test_thinking_is_learnt_with_its_answer_and_stays_in_the_history(recipe: str) -> None:
    tokenizer, rows = rendered(recipe, WITH_THINKING)
    assert len(rows) == 1
    assert learned_texts(tokenizer, rows[0]) == THOUGHT[recipe]


@pytest.mark.parametrize("recipe", FAMILIES)
def test_a_masked_turn_is_read_and_not_learnt(recipe: str) -> None:
    tokenizer, rows = rendered(recipe, WITHOUT_THINKING, trained={4})
    assert [text for row in rows for text in learned_texts(tokenizer, row)] == [SAID[recipe]]
    assert all("bash" in tokenizer.decode(row.ids) for row in rows)


MALFORMED = (
    ("bash", "{"),
    ("bash", '{"command": "ls"'),
    ("bash", "[1]"),
    ("bash", '"ls"'),
    ("bash", ["ls"]),
    ("bash", '{"command": "\\ud800"}'),
    ("bash", "[" * 100_000),
    (None, '{"command": "ls"}'),
)
"""What a model may write for a call, and no template can render."""


@pytest.mark.parametrize("recipe", FAMILIES)
def test_a_malformed_call_in_a_masked_turn_is_read_as_an_empty_one_and_carries_no_loss(recipe: str) -> None:
    for call in MALFORMED:
        messages = (user("Why?"), answer("Well.", calls=(call,)), result("That is no call."), answer("Because."))
        tokenizer, rows = rendered(recipe, messages, trained={3})
        assert [text for row in rows for text in learned_texts(tokenizer, row)] == [SAID[recipe]], call
        text = tokenizer.decode(rows[-1].ids)
        assert "Well." in text
        assert "None" not in text
        mended = (*messages[:1], answer("Well.", calls=((call[0] or "", call[1] if call[0] is None else {}),)), *messages[2:])
        assert [row.ids.tolist() for row in rows] == [row.ids.tolist() for row in rendered(recipe, mended, trained={3})[1]]
        with pytest.raises(
            TrainingError, match=r"message 1: (the arguments of bash are no JSON object|a tool call has no name): mask the turn"
        ):
            rendered(recipe, messages)


@pytest.mark.parametrize("recipe", FAMILIES)
def test_the_tokens_of_a_row_are_those_of_the_whole_conversation(recipe: str) -> None:
    messages = WITH_THINKING if recipe in THOUGHT else WITHOUT_THINKING
    family = find_recipe(recipe)
    tokenizer, rows = rendered(family, messages)
    renderer = Renderer(tokenizer, family)
    turns = list(renderer.turns(ChatRow("", messages, TOOLS, None)))
    assert tokenizer.decode(rows[-1].ids) == turns[-1].prompt + turns[-1].answer


@pytest.mark.parametrize("recipe", FAMILIES)
def test_borders_of_answers_are_where_the_answers_stand(recipe: str) -> None:
    tokenizer, rows = rendered(recipe, WITHOUT_THINKING, trained={4})
    for row in rows:
        assert all(tokenizer.decode(row.ids[start:end]) in (CALL[recipe], SAID[recipe]) for start, end in row.answers)
        assert row.answers


def test_thinking_that_the_template_takes_away_makes_a_row_of_its_own_for_what_follows() -> None:
    nemotron = find_recipe("nemotron-3-nano")
    forgetful = nemotron.model_copy(update={"template": nemotron.template.model_copy(update={"kwargs": {}})})
    messages = (*WITH_THINKING, user("And then?"), answer("Then this.", thinking="Hm."))
    _, kept = rendered(nemotron, messages)
    tokenizer, rows = rendered(forgetful, messages)
    assert len(kept) == 1
    assert [learned_texts(tokenizer, row) for row in rows] == [THOUGHT["nemotron-3-nano"], ["Hm.\n</think>\nThen this.<|im_end|>"]]
    assert "Let me see." not in tokenizer.decode(rows[1].ids)


def test_thinking_that_the_model_did_not_see_again_is_left_out_of_the_history_when_asked_for() -> None:
    tokenizer, rows = rendered("nemotron-3-nano", WITH_THINKING, reasoning="as_sent", reasoning_sent=False)
    assert [learned_texts(tokenizer, row) for row in rows] == [[text] for text in THOUGHT["nemotron-3-nano"]]
    assert "Let me see." not in tokenizer.decode(rows[1].ids)
    assert len(rendered("nemotron-3-nano", WITH_THINKING, reasoning="as_sent", reasoning_sent=True)[1]) == 1


def test_thinking_can_be_dropped_from_all() -> None:
    tokenizer, rows = rendered("llama", WITH_THINKING, reasoning="drop")
    assert "see" not in "".join(tokenizer.decode(row.ids) for row in rows)


def test_an_answer_without_thinking_among_others_goes_on_from_the_prompt_without() -> None:
    recipe = "nemotron-3-nano"
    messages = (*WITH_THINKING[:4], answer("Because."))
    tokenizer, (row,) = rendered(recipe, messages)
    assert learned_texts(tokenizer, row) == [THOUGHT[recipe][0], SAID[recipe]]
    assert tokenizer.decode(row.ids).endswith("<|im_start|>assistant\n<think></think>Because.<|im_end|>")


def test_arguments_that_are_objects_and_those_that_are_text_render_alike() -> None:
    text = WITHOUT_THINKING
    objects = (*text[:2], answer(calls=(("bash", {"command": "ls", "all": True}),)), *text[3:])
    for recipe in FAMILIES:
        assert [row.ids.tolist() for row in rendered(recipe, text)[1]] == [row.ids.tolist() for row in rendered(recipe, objects)[1]]


def test_arguments_that_are_nothing_are_written_as_json_and_none_is_made_up() -> None:
    messages = (user("Why?"), answer(calls=(("bash", {"command": "ls", "all": None}),)))
    tokenizer, (row,) = rendered("nemotron-3-nano", messages)
    assert "<parameter=all>\nnull\n" in tokenizer.decode(row.ids)
    tokenizer, (row,) = rendered("nemotron-3-nano", (user("Why?"), answer(calls=(("bash", {"command": "ls"}), ("view", {"path": "a"})))))
    assert "None" not in tokenizer.decode(row.ids)


def test_several_calls_and_text_beside_a_call_are_not_lost_where_a_template_writes_one_call() -> None:
    messages = (user("Why?"), answer("Looking.", calls=(("bash", '{"command": "ls"}'), ("bash", '{"command": "pwd"}'))))
    tokenizer, (row,) = rendered("llama", messages)
    assert learned_texts(tokenizer, row) == [
        'Looking.\n{"name": "bash", "parameters": {"command": "ls"}}; {"name": "bash", "parameters": {"command": "pwd"}}<|eot_id|>'
    ]


def test_a_template_that_writes_the_date_writes_the_same_one_on_any_day() -> None:
    tokenizer, rows = rendered("smollm3", WITHOUT_THINKING)
    assert "Today: 01 January 2025" in tokenizer.decode(rows[0].ids)
    llama = find_recipe("llama")
    clocked = llama.model_copy(update={"template": llama.template.model_copy(update={"kwargs": {}})})
    tokenizer, rows = rendered(clocked, WITHOUT_THINKING)
    assert "Today Date: 26 Jul 2024" in tokenizer.decode(rows[0].ids)


def test_a_conversation_that_is_all_masked_gives_no_row() -> None:
    assert rendered("qwen3", WITHOUT_THINKING, trained=set())[1] == []


def test_what_a_template_leaves_out_is_an_error_that_names_it() -> None:
    with pytest.raises(
        TrainingError,
        match=r"rows.jsonl:1: message 2: .* leaves out what the model said: reasoning_content 'Let me see.'; llama keeps no thinking: data.reasoning = \"drop\"",
    ):
        rendered("llama", WITH_THINKING)
    smollm3 = find_recipe("smollm3")
    native = smollm3.model_copy(update={"template": smollm3.template.model_copy(update={"calls": "native"})})
    with pytest.raises(TrainingError, match="the call of bash"):
        rendered(native, WITHOUT_THINKING)
    in_field = smollm3.model_copy(update={"template": smollm3.template.model_copy(update={"reasoning": "field"})})
    with pytest.raises(TrainingError, match=r"reasoning_content 'Let me see.'; smollm3 keeps thinking, with the template"):
        rendered(in_field, WITH_THINKING)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("", "the call of bash"),
        ("{{ call.function.name }}", "'command' in the arguments of bash"),
        ("{{ call.function.name }}{{ call.function.arguments.keys() | list | tojson }}", "'ls a.ts' in the arguments of bash"),
        ("{{ call.function.name }}{{ call.function.arguments | tojson | upper }}", "'command' in the arguments of bash"),
        ("{{ call.function.name }}{{ call.function.arguments | tojson | replace('/b', '') }}", "'\"/b\"' in the arguments of bash"),
        ("{{ call.function.name }}{{ call.function.arguments | tojson }}", None),
        ("{{ call.function.arguments | tojson }}{{ call.function.name }}", None),
        ("{{ call.function.name }}{% for k, v in call.function.arguments.items() %}<{{ k }}>{{ v }}{% endfor %}", None),
    ],
)
def test_a_call_of_which_the_template_leaves_out_a_part_is_an_error_though_the_text_says_it_too(
    written: str, complaint: str | None
) -> None:
    each = "{{ m.content }}{% for call in m.tool_calls or [] %}" + written + "{% endfor %}<|im_end|>\n"
    chat = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        + each
        + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    arguments = {"command": "ls a.ts", "in": {"paths": ['"/b"', "\n"]}}
    row = ChatRow("x:1", (user("a"), answer('bash: command = "ls a.ts" in paths "/b"', calls=(("bash", arguments),))), (), None)
    renderer = Renderer(byte_tokenizer(chat, CHATML), find_recipe("qwen3"))
    if complaint is None:
        assert renderer.examples(row)
        return
    with pytest.raises(TrainingError, match=rf"x:1: message 1: the chat template leaves out what the model said: .*{complaint}"):
        renderer.examples(row)


def test_arguments_that_are_no_object_are_an_error_where_they_would_be_learnt() -> None:
    with pytest.raises(TrainingError, match="message 1: the arguments of bash are no JSON object"):
        rendered("qwen3", (user("Why?"), answer(calls=(("bash", '{"command": '),))))


def test_a_template_that_refuses_is_quoted() -> None:
    tokenizer = byte_tokenizer("{{ raise_exception('roles must alternate') }}", CHATML)
    with pytest.raises(TrainingError, match=r"refuses it: TemplateError: roles must alternate"):
        Renderer(tokenizer, find_recipe("qwen3")).examples(ChatRow("x:1", WITHOUT_THINKING, (), None))


def test_a_template_whose_answers_do_not_go_on_from_their_prompt_is_an_error() -> None:
    shouting = "{% for m in messages %}<|im_start|>{{ m.role | upper }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    with pytest.raises(TrainingError, match="does not go on from the prompt that asks for this answer"):
        Renderer(byte_tokenizer(shouting, CHATML), find_recipe("qwen3")).examples(ChatRow("x:1", (user("a"), answer("b")), (), None))


def test_a_template_without_an_end_of_turn_is_an_error() -> None:
    endless = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    with pytest.raises(TrainingError, match=r"does not end with <\|im_end\|>: set template.end"):
        Renderer(byte_tokenizer(endless, CHATML), find_recipe("qwen3")).examples(ChatRow("x:1", (user("a"), answer("b")), (), None))


def test_a_tokenizer_without_a_template_is_an_error() -> None:
    with pytest.raises(TrainingError, match="no chat template"):
        Renderer(byte_tokenizer(None, CHATML), find_recipe("qwen3"))


def test_the_template_with_marks_of_generation_gives_the_same_mask() -> None:
    """TRL's variants for training mark the answers: an independent second opinion. They mark the line break after an answer too, which no model writes."""
    tokenizer = byte_tokenizer(template("qwen3_training"), CHATML)
    made = tokenizer.apply_chat_template(list(WITH_THINKING), tools=list(TOOLS), return_dict=True, return_assistant_tokens_mask=True)
    _, (row,) = rendered("qwen3", WITH_THINKING)
    assert made["input_ids"][: len(row)] == row.ids.tolist()
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    after_an_end = [False, *(row.ids == end).tolist()]
    theirs = [bool(each) and not after for each, after in zip(made["assistant_masks"], after_an_end, strict=False)]
    assert theirs[: len(row)] == row.learned.tolist()
