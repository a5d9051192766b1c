"""Problem statements of injected bugs: from templates that tell more or less, or by a model; neither may leak the patch or a test's name.

How much a statement tells, from the least: `symptom` (what goes wrong, in general words), `assertion` (what the failing assertion says),
`function` (and in which function), `file` (and in which file).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from tasks.patches import changed_paths
from tasks.reports import TYPECHECK, file_of
from tasks.task import Kind

Told = Literal["symptom", "assertion", "function", "file"]
WEIGHTS: Final[dict[Told, int]] = {"symptom": 2, "assertion": 4, "function": 3, "file": 1}
"""Of ten statements, how many tell so much."""

WriteStatement = Callable[[str], Awaitable[str]]
"""A model: takes a prompt, gives a text."""

_MODEL_TRIES: Final = 3
_LEAST_LEAKING: Final = 12
"""Shorter lines and titles say too little to give anything away, and stand in any text."""
_ADDED: Final = re.compile(r"^\+(?!\+\+ )(.*)$", re.MULTILINE)
_LONGEST_MESSAGE: Final = 900
_PATH_IN_BOX: Final = re.compile(r"(?:file://)?/(?:workspace|run|tmp)/[^\s'\")]*")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement may draw on."""

    repo: str
    kind: Kind
    functions: tuple[str, ...]
    files: tuple[str, ...]
    docs: tuple[str, ...]
    failing: tuple[str, ...]
    """Test ids; never told."""
    messages: tuple[str, ...]
    """What the failing tests said."""
    patch: str
    """The gold patch; never told."""


@dataclass(frozen=True, slots=True)
class Statement:
    title: str
    text: str
    told: Told
    written_by: str
    """`template`, or the model's name."""


def told_by_chance(digest: str) -> Told:
    """How much is told of a task, by the digest of its change: the same each time."""
    place = int(digest[:8], 16) % sum(WEIGHTS.values())
    for told in get_args(Told):
        if place < WEIGHTS[told]:
            return told  # type: ignore[no-any-return]
        place -= WEIGHTS[told]
    raise AssertionError("the weights have no such place")


def leaks(text: str, facts: Facts) -> list[str]:
    """What of the patch or of the tests a statement gives away, in words; empty when nothing."""
    found = []
    plain = _squeezed(text)
    for line in _ADDED.findall(facts.patch):
        code = _squeezed(line)
        if len(code) >= _LEAST_LEAKING and code in plain:
            found.append(f"a line of the patch: {line.strip()[:80]}")
    for test in facts.failing:
        titles = test.partition("::")[2].split(" > ")
        names = [title for title in (" ".join(titles), titles[-1]) if len(title) >= _LEAST_LEAKING and title != TYPECHECK]
        found += [f"a test's name: {title[:80]}" for title in names if _squeezed(title) in plain]
        name = file_of(test).rpartition("/")[2]
        if name and name in text:
            found.append(f"a test file: {name}")
    return list(dict.fromkeys(found))


def from_template(facts: Facts, told: Told) -> Statement:
    """A statement that tells so much, or less where that would leak."""
    levels: Sequence[Told] = get_args(Told)
    for level in reversed(levels[: levels.index(told) + 1]):
        statement = _template(facts, level)
        if not leaks(statement.text + statement.title, facts):
            return statement
    return Statement(f"Something in {facts.repo} is wrong", _general(facts) + "\n\n" + _TASK, "symptom", "template")


async def from_model(facts: Facts, told: Told, write: WriteStatement, name: str) -> tuple[Statement, list[str]]:
    """A model's statement, asked for again where it leaks, else the template's; what leaked."""
    prompt = _prompt(facts, told)
    leaked: list[str] = []
    for _ in range(_MODEL_TRIES):
        text = (await write(prompt)).strip()
        title, _, rest = text.partition("\n")
        leaked = leaks(text, facts)
        if len(rest.strip()) >= 40 and not leaked:
            return Statement(title.strip("# *")[:120], rest.strip(), told, name), []
        prompt = (
            _prompt(facts, told) + "\n\nYour last text cannot be used: " + ("; ".join(leaked) or "it is too short") + ". Write another."
        )
    return from_template(facts, told), leaked


_TASK: Final = "Find the cause in the source and repair it. What works must go on working; tests are not to be changed."


def _template(facts: Facts, told: Told) -> Statement:
    functions = " and ".join(f"`{name}`" for name in facts.functions[:3])
    files = " and ".join(f"`{path}`" for path in facts.files[:3])
    if facts.kind == "feature":
        place = f" in {files}" if told == "file" else ""
        doc = "\n\n".join(f"> {line}" for text in facts.docs for line in text.splitlines() if line.strip())
        words = f'{functions or "A function"}{place} has no body: it throws "not implemented". Write it, by its signature, its documentation and its callers.'
        if told != "symptom" and doc:
            words += f"\n\nIts documentation says:\n\n{doc}"
        return Statement(f"Write {functions.replace('`', '') or 'a function that is missing'}", words + "\n\n" + _TASK, told, "template")
    parts = [_general(facts)]
    if told != "symptom" and (said := _messages(facts)):
        parts.append(said)
    if told in ("function", "file") and functions:
        parts.append(f"It has to do with {functions}." if told == "function" else f"It has to do with {functions} in {files}.")
    elif told == "file":
        parts.append(f"The cause is in {files}.")
    parts.append(_TASK)
    named = told in ("function", "file") and facts.functions
    title = f"{facts.functions[0]} does not do what it should" if named else f"{_symptom(facts).capitalize()} in {facts.repo}"
    return Statement(title[:120], "\n\n".join(parts), told, "template")


def _general(facts: Facts) -> str:
    several = "There is more than one cause. " if len(facts.functions) > 1 else ""
    return f"In {facts.repo}, {_symptom(facts)}. {several}It worked before."


def _symptom(facts: Facts) -> str:
    """What goes wrong, in words that fit many causes."""
    said = " ".join(facts.messages)
    if facts.kind == "types" or all(test.endswith(f"::{TYPECHECK}") for test in facts.failing):
        return "a type says something else than it should"
    if re.search(r"timed out|never|timeout", said, re.IGNORECASE):
        return "something that should come to an end does not"
    if re.search(r"Missing expected (?:exception|rejection)|to throw|did not throw", said):
        return "something that should be refused is accepted"
    if found := re.search(r"\b(TypeError|RangeError|ReferenceError|SyntaxError)\b", said):
        return f"a call ends with a {found[1]} that it should not end with"
    if re.search(r"is not a function|undefined|Cannot read", said):
        return "a call fails on input that it should take"
    return "some calls give a wrong result"


def _messages(facts: Facts) -> str:
    shown = []
    for message in facts.messages[:2]:
        text = _PATH_IN_BOX.sub("…", message).strip()
        if text:
            shown.append("```\n" + text[:_LONGEST_MESSAGE].replace("```", "'''") + "\n```")
    return "What is seen:\n\n" + "\n\n".join(shown) if shown else ""


def _prompt(facts: Facts, told: Told) -> str:
    telling = {
        "symptom": "Describe only what a user of the library sees go wrong, in general words. Name no function and no file.",
        "assertion": "Describe what a user sees go wrong, with the values expected and seen. Name no internal function and no file.",
        "function": "Describe what a user sees go wrong, with the values expected and seen, and name the function that it happens in.",
        "file": "Describe what a user sees go wrong, with the values expected and seen, and name the function and the file.",
    }[told]
    messages = "\n---\n".join(_PATH_IN_BOX.sub("…", message)[:_LONGEST_MESSAGE] for message in facts.messages[:3])
    return (
        f"You write a bug report for the TypeScript repository {facts.repo}. {telling}\n"
        "The first line is the title, the rest the report, in at most 150 words. Do not say how to repair it, quote no code of the patch, and "
        "mention no test: the reader has none of them.\n\n"
        f"Functions: {', '.join(facts.functions) or 'none'}\nFiles: {', '.join(facts.files)}\n\n"
        f"What fails says:\n{messages}\n\nThe patch that repairs it, which the report must not give away:\n{facts.patch}"
    )


def paths_of(patch: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(changed_paths(patch)))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()
