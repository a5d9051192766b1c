"""What is mended of nearly-JSON, and what is left alone because it could mean two things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tool_formats.repair import NOTHING, repair_object, repair_value

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), max_size=20)
literals = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'b'}", {"a": "b"}),
        ('{"a": True, "b": None, "c": False}', {"a": True, "b": None, "c": False}),
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}```', {"a": 1}),
        (json.dumps(json.dumps({"a": 1})), {"a": 1}),
        (json.dumps(json.dumps(json.dumps({"a": 1}))), {"a": 1}),
        ("{'a': 'it\\'s'}", {"a": "it's"}),
        ("{'a': \"it's\"}", {"a": "it's"}),
        ("{'a': 'say \"hi\"'}", {"a": 'say "hi"'}),
        ("{'a': '\\u00e9', 'b': -1.5e3}", {"a": "é", "b": -1500.0}),
    ],
)
def test_what_has_one_reading_is_mended(text: str, value: dict[str, Any]):
    mended = repair_object(text)
    assert mended is not None
    assert json.loads(mended) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "ls -la", "[1]", "null", '"text"', "12", '{"a": "b', '{"a": 1', '{"a": "echo "b""}', "{'a': 'it's'}", '{"a": "\\d"}',
        '{"a": 1} and more', "{a: 1}", '{"a": 1, \'a\': 2}', '{"a": 01}', '{"a": 1,, "b": 2}', "{,}", '{"a": undefined}', '{"a":' * 5000,
        "[" * 5000, "{'a': '\\x41'}", '{"a" "b"}', "{'a': Truely}",
    ],
)  # fmt: skip
def test_what_has_more_than_one_reading_or_none_is_left_alone(text: str):
    assert repair_object(text) is None


@pytest.mark.parametrize("text", ['{"a": 1}', "{}", ' {"a": "\\u0000"} '])
def test_what_is_an_object_is_not_touched(text: str):
    assert repair_object(text) is None


@given(st.dictionaries(plain, literals, max_size=4))
def test_pythons_own_spelling_of_an_object_is_read(value: dict[str, Any]):
    text = repr(value)
    if "\\x" in text or "\\u" in text or "\\U" in text:
        return
    assert repair_value(text) == value


@given(st.dictionaries(plain, literals, max_size=4), st.integers(0, 3))
def test_json_in_json_is_read_as_often_as_it_was_written(value: dict[str, Any], times: int):
    text = json.dumps(value)
    for _ in range(times):
        text = json.dumps(text)
    assert repair_value(text) == value


@given(st.text() | st.lists(st.sampled_from("{}[],:'\"\\ \n`1aTN"), max_size=30).map("".join))
def test_whatever_it_is_given_it_gives_an_object_or_nothing(text: str):
    mended = repair_object(text)
    assert mended is None or isinstance(json.loads(mended), dict)
    if mended is not None:
        assert repair_object(mended) is None
    assert repair_value(text) is NOTHING or json.dumps(repair_value(text)) is not None
