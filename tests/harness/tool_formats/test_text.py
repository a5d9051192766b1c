"""All tool formats: from calls to text and back, in portions of any size, and whatever a model writes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tool_formats import FORMATS, Call, Reader, Said, ToolFormat, read_all
from harness.tools import schemas

TOOLS = schemas()
MARKS = [
    "<tool_call>", "</tool_call>", "<function=bash>", "<function=", "</function>", "<parameter=command>", "</parameter>", "[TOOL_CALLS]",
    "[ARGS]", "bash", "<|python_tag|>", "```tool_call\n", "```", "{", "}", "[", "]", '"', "'", ":", ",", ";", "\n", " ", "name", "arguments",
    "parameters", '{"name": "bash", "arguments": {"command": "ls"}}', '{"name": "bash", "parameters": {"command": "ls"}}', "True", "\\",
]  # fmt: skip

forms = st.sampled_from(list(FORMATS.values()))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
texts = st.lists(st.sampled_from(MARKS) | words, max_size=12).map("".join)
names = st.sampled_from([tool["function"]["name"] for tool in TOOLS])


def pieces(form: ToolFormat, portions: list[str]) -> tuple[str, list[Call]]:
    reader = Reader(form, TOOLS)
    made = [piece for portion in portions for piece in reader.feed(portion)] + reader.close()
    return "".join(each.text for each in made if isinstance(each, Said)), [each for each in made if isinstance(each, Call)]


@given(forms, st.lists(st.tuples(names, st.dictionaries(words, values, max_size=4)), min_size=1, max_size=3))
def test_what_is_written_as_json_is_read_back(form: ToolFormat, calls: list[tuple[str, dict[str, Any]]]):
    if form.name == "qwen3_coder":
        return
    written = form.write([(name, json.dumps(arguments)) for name, arguments in calls])
    said, read = read_all(form, written, TOOLS)
    assert not said.strip()
    assert [(call.name, json.loads(call.arguments), call.readable) for call in read] == [(*call, True) for call in calls]


@given(st.lists(st.tuples(words, st.lists(st.integers(), max_size=2) | st.none()), min_size=1, max_size=3))
def test_what_is_written_as_xml_is_read_back_by_the_schema(calls: list[tuple[str, Any]]):
    form = FORMATS["qwen3_coder"]
    made = [("bash", {"command": command.replace("</parameter>", ""), "view_range": lines}) for command, lines in calls]
    tool = {"function": {"name": "bash", "parameters": {"properties": {"command": {"type": "string"}, "view_range": {"type": "array"}}}}}
    said, read = read_all(form, form.write([(name, json.dumps(arguments)) for name, arguments in made]), [tool])
    assert not said.strip()
    assert [(call.name, json.loads(call.arguments)) for call in read] == made


@given(forms, texts, st.lists(st.integers(1, 9), max_size=60))
def test_the_size_of_the_portions_changes_nothing(form: ToolFormat, text: str, sizes: list[int]):
    portions, rest = [], text
    for size in sizes:
        portions.append(rest[:size])
        rest = rest[size:]
    assert pieces(form, [*portions, rest]) == pieces(form, [text]) == pieces(form, list(text))


@given(forms, texts)
def test_whatever_is_written_is_read_without_an_error_and_a_readable_call_has_json(form: ToolFormat, text: str):
    _, calls = read_all(form, text, TOOLS)
    for call in calls:
        assert not call.readable or isinstance(json.loads(call.arguments), dict)


@given(forms, words.filter(lambda text: not any(mark in text for mark in ("<", "[", "`", "{"))))
def test_a_text_without_marks_is_all_said(form: ToolFormat, text: str):
    assert read_all(form, text, TOOLS) == (text, [])


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark.strip()])
def test_marks_without_end_take_no_long_time(form: ToolFormat, mark: str):
    started = time.process_time()
    read_all(form, "<tool_call>" + mark * 4000, TOOLS)
    read_all(form, (mark + '{"') * 2000, TOOLS)
    assert time.process_time() - started < 3


GOOD = {"command": 'echo "</tool_call>" ```'}


@pytest.mark.parametrize(
    ("name", "text", "said", "calls"),
    [
        ("hermes", 'I look.\n<tool_call>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_call>', "I look.", [{"command": "ls"}]),
        ("hermes", f'<tool_call>{{"name": "bash", "arguments": {json.dumps(GOOD)}}}</tool_call>', "", [GOOD]),
        ("hermes", "<tool_call>{'name': 'bash', 'arguments': {'command': 'ls',},}</tool_call>", "", [{"command": "ls"}]),
        ("hermes", '<tool_call>{"name": "bash", "arguments": "{\\"command\\": \\"ls\\"}"}</tool_call>', "", [{"command": "ls"}]),
        ("hermes", '<tool_call>```json\n{"name": "bash", "arguments": {"command": "ls"}}\n```</tool_call>', "", [{"command": "ls"}]),
        ("hermes", '<tool_call>{"name": "bash", "arguments": {"command": "ls"}}', "", [{"command": "ls"}]),
        ("hermes", "The mark <tool_call> begins a call.", "The mark <tool_call> begins a call.", []),
        ("qwen3_coder", "<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>", "</tool_call>", [{"command": "ls"}]),
        ("qwen3_coder", "Hm.\n<tool_call>\n<function=submit>\n</function>\n</tool_call>", "Hm.", [{}]),
        ("qwen3_coder", "<tool_call><function=bash><parameter=command>a </parameter> b</parameter></function></tool_call>", "", [{"command": "a </parameter> b"}]),
        ("llama_json", '<|python_tag|>{"name": "bash", "parameters": {"command": "ls"}}', "", [{"command": "ls"}]),
        ("llama_json", '{"name": "bash", "parameters": {"command": "a"}}; {"name": "bash", "parameters": {"command": "b"}}', ";", [{"command": "a"}, {"command": "b"}]),
        ("llama_json", 'See:\n{"name": "other", "parameters": {}}', 'See:\n{"name": "other", "parameters": {}}', []),
        ("mistral", '[TOOL_CALLS] [{"name": "bash", "arguments": {"command": "ls"}}]', "", [{"command": "ls"}]),
        ("mistral", '[TOOL_CALLS]bash[ARGS]{"command": "a"}[TOOL_CALLS]bash[CALL_ID]x1[ARGS]{"command": "b"}', "", [{"command": "a"}, {"command": "b"}]),
        ("fenced", 'So:\n```tool_call\n{"name": "bash", "arguments": {"command": "ls"}}\n```\n', "So:", [{"command": "ls"}]),
        ("fenced", f'```tool_call\n{{"name": "bash", "arguments": {json.dumps(GOOD)}}}\n```', "", [GOOD]),
    ],
)  # fmt: skip
def test_a_format_is_read_as_models_write_it(name: str, text: str, said: str, calls: list[dict[str, Any]]):
    told, read = read_all(FORMATS[name], text, TOOLS)
    assert told.strip() == said
    assert [json.loads(call.arguments) for call in read] == calls


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hermes", '<tool_call>{"name": "bash", "arguments": {"command": "ls'),
        ("hermes", '<tool_call>{"name": "bash", "arguments": {"command": "echo "a""}}</tool_call>'),
        ("qwen3_coder", "<tool_call><function=bash><parameter=command>ls"),
        ("mistral", '[TOOL_CALLS] [{"name": "bash", "arguments": {"command": '),
        ("mistral", '[TOOL_CALLS]bash[ARGS]{"command": '),
        ("fenced", '```tool_call\n{"name": "bash", "arguments": [}\n```'),
    ],
)
def test_what_is_cut_off_or_unclear_is_a_call_that_cannot_be_read_with_its_name(name: str, text: str):
    (call,) = read_all(FORMATS[name], text, TOOLS)[1]
    assert (call.name, call.readable) == ("bash", False)


def test_a_broken_call_does_not_take_the_next_one_with_it():
    text = '<tool_call>{"name": }</tool_call> and <tool_call>{"name": "bash", "arguments": {}}</tool_call>'
    assert [call.readable for call in read_all(FORMATS["hermes"], text)[1]] == [False, True]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_the_instructions_name_every_tool(form: ToolFormat):
    told = form.instructions(TOOLS)
    assert all(f'"{tool["function"]["name"]}"' in told for tool in TOOLS)
    assert "{tools}" not in told
