"""Which files are source that a person wrote. Each filter gives the reason for which a file is left out."""

from __future__ import annotations

import fnmatch
import re
from functools import cache
from typing import Final

from training.corpus.settings import FileSettings

_LANGUAGES: Final = {
    ".ts": "TypeScript", ".tsx": "TypeScript", ".mts": "TypeScript", ".cts": "TypeScript",
    ".js": "JavaScript", ".jsx": "JavaScript", ".mjs": "JavaScript", ".cjs": "JavaScript",
    ".json": "JSON", ".jsonc": "JSON", ".yaml": "YAML", ".yml": "YAML", ".env": "Environment",
}  # fmt: skip
_ALPHANUMERIC: Final = bytes(each for each in range(256) if bytes([each]).isalnum())
_GENERATED: Final = re.compile(
    rb"(?i)@generated\b|\b(?:auto-?|automatically |machine[- ])generated\b|\bgenerated (?:by|from|with|automatically|code|file)\b|"
    rb"(?<!please )\bdo not (?:edit|modify)\b(?! (?:if|unless|without))|\bthis file (?:was|is|has been) generated\b|sourceMappingURL=data:"
)
_GENERATED_WORDS: Final = (b"generated", b"do not", b"sourcemappingurl=data:")
"""One of which stands in whatever that expression finds."""
_COMMENTS: Final = (b"//", b"/*", b"*", b"#", b"<!--", b"'use strict'", b'"use strict"')
_OTHER: Final = (b"<?xml", b"<!DOCTYPE TS", b"<TS ", b"#!/bin/sh", b"#!/usr/bin/env bash", b"version https://git-lfs")


def language_of(path: str) -> str | None:
    name = path.rpartition("/")[2]
    if name == ".env" or name.startswith(".env."):
        return "Environment"
    stem, dot, suffix = name.rpartition(".")
    return _LANGUAGES.get(f".{suffix.lower()}") if stem and dot else None


def reason_by_path(path: str, settings: FileSettings) -> str | None:
    *directories, name = path.split("/")
    if any(part in settings.directories for part in directories):
        return "directory of what was not written here"
    return "name of a generated file" if _patterns(settings.names).match(name) else None


@cache
def _patterns(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(each) for each in names) or r"(?!)")


def reason_by_size(path: str, size: int, settings: FileSettings) -> str | None:
    if size > settings.largest_bytes:
        return "too large"
    if size == 0:
        return "empty"
    if size > settings.declarations_bytes and path.endswith((".d.ts", ".d.mts", ".d.cts")):
        return "bulk declarations"
    return None


def reason_by_content(content: bytes, settings: FileSettings) -> str | None:
    """Of what was read, which is not larger than allowed."""
    if b"\0" in content:
        return "binary"
    if not content.strip():
        return "empty"
    try:
        characters = len(content.decode("utf-8"))
    except UnicodeDecodeError:
        return "not UTF-8"
    lines = content.split(b"\n")
    if len(max(lines, key=len)) > settings.longest_line and _longest(lines) > settings.longest_line:
        return "line too long"
    if characters / len(lines) > settings.mean_line:
        return "lines too long on average"
    if content.lstrip().startswith(_OTHER):
        return "another language"
    if 1 - len(content.translate(None, _ALPHANUMERIC)) / len(content) < settings.alphanumeric:
        return "too few letters and digits"
    if _is_generated(content):
        return "generated, by its own words"
    return None


def _longest(lines: list[bytes]) -> int:
    return max(len(line.decode("utf-8", "replace")) for line in lines)


def _is_generated(content: bytes) -> bool:
    """Only the comments before the first code count: programs that generate files say such things too."""
    head = content[:2_000]
    lower = head.lower()
    if not any(word in lower for word in _GENERATED_WORDS) or _GENERATED.search(head) is None:
        return False
    in_comment = False
    for line in head.splitlines():
        text = line.strip().removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        if not in_comment and not text.startswith(_COMMENTS):
            return False
        if _GENERATED.search(text):
            return True
        in_comment = (in_comment or text.startswith(b"/*")) and b"*/" not in text
    return False
