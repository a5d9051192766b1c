"""A task of another format in our names, and what reading it takes: fields that must be there, lists that come as text."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.errors import TaskError
from tasks.task import Runner


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a row says."""

    format: str
    instance_id: str
    repo: str
    """`owner/name`, or a name where the row brings its files."""
    base_commit: str | None
    problem_statement: str
    patch: str
    test_patch: str
    fail_to_pass: tuple[str, ...] = ()
    """As the row has them: titles, often without their files."""
    pass_to_pass: tuple[str, ...] = ()
    created_at: str = ""
    image: str | None = None
    language: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Of a task that brings its repository with it."""
    bug_patch: str = ""
    """Where the row's commit is the sound state: what makes the agent's tree of it."""
    licence: str = "unknown"
    test_files: tuple[str, ...] = ()
    runner: Runner | None = None
    not_honoured: tuple[str, ...] = ()
    """In words: what the row asks for and does not get here."""


def text_of(row: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    """A field that is text. TaskError when it is not there."""
    value = row.get(name, default)
    if value is None and name in row:
        value = default
    if not isinstance(value, str):
        raise TaskError(f"{row.get('instance_id', 'a row')}: the field {name!r} is missing or no text")
    return value


def list_of(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of text, or one written as JSON or as a Python literal. TaskError when it is neither."""
    value = row.get(name)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
                raise TaskError(f"{row.get('instance_id', 'a row')}: {name} is no list: {str(row[name])[:80]!r}") from error
    if isinstance(value, dict):
        value = list(value)
    if not isinstance(value, list | tuple):
        raise TaskError(f"{row.get('instance_id', 'a row')}: {name} is no list")
    return tuple(str(item) for item in value)


def identifier(text: str) -> str:
    """An instance_id of ours: lower case, without slashes."""
    return re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9._-]+", "-", text.lower().replace("__", "-"))).strip("-._")[:120] or "task"
