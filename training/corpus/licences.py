"""Under which licence a file stands: what it says itself, then the nearest package.json or licence text above it, then what its host says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_HEAD: Final = 4_000
_TAG: Final = re.compile(rb"SPDX-License-Identifier:\s*([A-Za-z0-9.+() -]{2,120}?)\s*(?:\*/|-->|[\r\n]|$)")
_FILE_NAMES: Final = re.compile(r"(?i)^(?:licen[cs]e|copying|unlicense)(?:[-._].*)?$")

_NOTICES: Final = (
    ("AGPL-3.0", re.compile(rb"(?i)gnu[\s*#/]+affero[\s*#/]+general[\s*#/]+public[\s*#/]+license")),
    ("LGPL-3.0", re.compile(rb"(?i)gnu[\s*#/]+(?:lesser|library)[\s*#/]+general[\s*#/]+public[\s*#/]+license")),
    ("GPL-3.0", re.compile(rb"(?i)gnu[\s*#/]+general[\s*#/]+public[\s*#/]+license")),
    ("MPL-2.0", re.compile(rb"(?i)mozilla[\s*#/]+public[\s*#/]+license")),
    ("EPL-2.0", re.compile(rb"(?i)eclipse[\s*#/]+public[\s*#/]+license")),
    (
        "proprietary",
        re.compile(
            rb"(?i)all[\s*#/]+rights[\s*#/]+reserved[\s\S]{0,200}?(?:confidential|proprietary)|proprietary[\s*#/]+and[\s*#/]+confidential"
        ),
    ),
)
"""Licences that a file's own header names in words, and that a repository's does not make void. Words may be on two lines of a comment."""

_TEXTS: Final = (
    *_NOTICES[:5],
    ("Apache-2.0", re.compile(rb"(?i)apache\s+license,?\s+version\s+2\.0")),
    ("Unlicense", re.compile(rb"(?i)free\s+and\s+unencumbered\s+software\s+released\s+into\s+the\s+public\s+domain")),
    ("CC0-1.0", re.compile(rb"(?i)cc0\s+1\.0\s+universal")),
    ("BSD-3-Clause", re.compile(rb"(?i)redistributions\s+of\s+source\s+code[\s\S]{1,1500}?neither\s+the\s+name")),
    ("BSD-2-Clause", re.compile(rb"(?i)redistributions\s+of\s+source\s+code")),
    ("MIT", re.compile(rb"(?i)permission\s+is\s+hereby\s+granted,\s+free\s+of\s+charge,\s+to\s+any\s+person")),
    ("ISC", re.compile(rb"(?i)permission\s+to\s+use,\s+copy,\s+modify,\s+and(?:/or)?\s+distribute\s+this\s+software")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Licence:
    name: str
    """An SPDX expression, or what the place says instead."""
    source: str
    """`file`, a path in the repository, or `host`."""


def tells_licence(path: str) -> bool:
    """Whether a file of this path tells the licence of its directory."""
    name = PurePosixPath(path).name
    return name == "package.json" or bool(_FILE_NAMES.match(name))


def licence_of_directory(path: str, content: bytes) -> str | None:
    """What a package.json or a licence text says; None when nothing that is known."""
    if PurePosixPath(path).name == "package.json":
        return _of_package(content)
    if (tag := _TAG.search(content[:_HEAD])) is not None:
        return tag[1].decode()
    return next((name for name, text in _TEXTS if text.search(content[:60_000])), None)


def licence_of_file(content: bytes) -> str | None:
    """What the file's first lines say, where they say anything."""
    head = content[:_HEAD]
    if b"icense" in head or b"LICENSE" in head or b"roprietary" in head:
        if (tag := _TAG.search(head)) is not None:
            return tag[1].decode()
        return next((name for name, notice in _NOTICES if notice.search(head)), None)
    return None


def find_licence(path: str, content: bytes, directories: Mapping[str, Licence], host: str | None) -> Licence | None:
    """`directories`: what was found by directory (`""` is the repository's own). The nearest decides."""
    if (own := licence_of_file(content)) is not None:
        return Licence(own, "file")
    directory = path
    while directory:
        directory = directory.rpartition("/")[0]
        if directory in directories:
            return directories[directory]
    return Licence(host, "host") if host else None


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Of an SPDX expression: AND binds more than OR; `-only`, `-or-later` and `+` are of their licence; an exception (WITH) only adds rights."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    try:
        verdict, rest = _either(tokens, {each.lower() for each in allowed})
    except (IndexError, RecursionError):
        return False
    return verdict and not rest


def _either(tokens: list[str], allowed: set[str]) -> tuple[bool, list[str]]:
    verdict, rest = _both(tokens, allowed)
    while rest and rest[0].upper() == "OR":
        other, rest = _both(rest[1:], allowed)
        verdict = verdict or other
    return verdict, rest


def _both(tokens: list[str], allowed: set[str]) -> tuple[bool, list[str]]:
    verdict, rest = _one(tokens, allowed)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:], allowed)
        verdict = verdict and other
    return verdict, rest


def _one(tokens: list[str], allowed: set[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        verdict, rest = _either(tokens[1:], allowed)
        return verdict and rest[0] == ")", rest[1:]
    rest = tokens[1:]
    if rest and rest[0].upper() == "WITH":
        rest = rest[2:]
    name = tokens[0].lower()
    return name in allowed or name.removesuffix("+").removesuffix("-only").removesuffix("-or-later") in allowed, rest


def _of_package(content: bytes) -> str | None:
    try:
        package = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(package, dict):
        return None
    told = package.get("license") or package.get("licence") or package.get("licenses")
    if isinstance(told, list):
        names = [each.get("type") if isinstance(each, dict) else each for each in told]
        return " OR ".join(each for each in names if isinstance(each, str)) or None
    if isinstance(told, dict):
        told = told.get("type")
    return told.strip() if isinstance(told, str) and told.strip() and not told.startswith("SEE ") else None
