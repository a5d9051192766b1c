"""Tiny tokenizers with the chat templates of the shipped recipes' families, and conversations to render with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

SMOLLM3 = """\
{%- if enable_thinking is not defined %}{%- set enable_thinking = true %}{%- endif %}
{{- "<|im_start|>system\\nToday: " + strftime_now("%d %B %Y") + "\\nMode: " + ("/think" if enable_thinking else "/no_think") + "\\n" }}
{%- if messages[0].role == "system" %}{{- messages[0].content }}{%- endif %}
{%- if xml_tools %}{%- for tool in xml_tools %}{{- "\\n" ~ (tool | string) }}{%- endfor %}{%- endif %}
{{- "<|im_end|>\\n" }}
{%- for message in messages %}
    {%- if message.role == "assistant" %}
        {{- "<|im_start|>assistant\\n" + ("" if enable_thinking else "<think>\\n\\n</think>\\n") + message.content.lstrip("\\n") + "<|im_end|>\\n" }}
    {%- elif message.role != "system" %}
        {{- "<|im_start|>user\\n" + message.content + "<|im_end|>\\n" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- "<|im_start|>assistant\\n" + ("" if enable_thinking else "<think>\\n\\n</think>\\n") }}{%- endif %}
"""
"""A stand-in, for TRL ships no template of that family. What is peculiar in the true one is in it: the date, its own name for the tools, calls and thinking
only as text, a mode for the whole conversation."""

ACROSS_LINES = (("Ċ", "<"), ("Ċ", "{"), ("Ċ", "L"), ("Ċ", "B"), (">", "Ċ"), ("Ċ", "Ċ"), ("Ċ<", "t"))
"""Merges (Ċ: a line break) by which tokens reach from every family's prompts into answers, where marks of thinking are no tokens of their own."""

CHATML = ["<|im_start|>", "<|im_end|>"]
FILL = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]
LLAMA = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"]

FAMILIES = {
    "nemotron-3-nano": ("nemotron_3_nano", CHATML),
    "qwen3": ("qwen3", CHATML),
    "llama": ("llama3_2", LLAMA),
    "smollm3": (None, CHATML),
}

TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "bash",
            "description": "Run it.",
            "parameters": {"type": "object", "properties": {"command": {"type": "string"}, "all": {"type": "boolean"}}},
        },
    },
)


def template(name: str) -> str:
    """Of a family in the installed TRL."""
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def byte_tokenizer(chat_template: str | None, special: list[str], merges: Sequence[tuple[str, str]] = ()) -> Any:
    """A token for each byte and each of `merges`, and the special ones: what is decoded is what was encoded."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(first + second for first, second in merges)]
    backend = Tokenizer(models.BPE(vocab={letters: number for number, letters in enumerate(vocabulary)}, merges=list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|begin_of_text|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    made.add_special_tokens({"additional_special_tokens": [*special, *FILL]})
    made.chat_template = chat_template
    return made


def family_tokenizer(recipe: str, merges: Sequence[tuple[str, str]] = ()) -> Any:
    name, special = FAMILIES[recipe]
    return byte_tokenizer(SMOLLM3 if name is None else template(name), special, merges)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def result(text: str) -> dict[str, Any]:
    return {"role": "tool", "content": text, "tool_call_id": "1"}


def answer(text: str = "", *, thinking: str | None = None, calls: tuple[tuple[str, Any], ...] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking is not None:
        made["reasoning_content"] = thinking
    if calls:
        made["tool_calls"] = [
            {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in calls
        ]
    return made
