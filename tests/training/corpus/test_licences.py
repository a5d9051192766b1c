"""Licences: of repositories and of files that say otherwise."""

from __future__ import annotations

import pytest

from training.corpus.licences import Licence, find_licence, is_allowed, licence_of_directory, licence_of_file

ALLOWED = frozenset({"MIT", "Apache-2.0", "ISC"})


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True), ("mit", True), ("GPL-3.0-only", False), ("MIT OR GPL-3.0", True), ("MIT AND GPL-3.0", False), ("(MIT OR GPL-2.0) AND ISC", True),
        ("GPL-2.0 OR MIT AND ISC", True), ("Apache-2.0 WITH LLVM-exception", True), ("(MIT", False), ("", False), ("MIT GPL-3.0", False), ("()", False),
        ("UNLICENSED", False), ("(" * 5_000, False),
    ],
)  # fmt: skip
def test_an_expression_is_allowed_when_its_parts_are(expression: str, allowed: bool):
    assert is_allowed(expression, ALLOWED) is allowed


@pytest.mark.parametrize(
    ("content", "licence"),
    [
        (b"// SPDX-License-Identifier: MIT OR GPL-2.0\ncode", "MIT OR GPL-2.0"),
        (b"/* SPDX-License-Identifier: GPL-3.0-only */", "GPL-3.0-only"),
        (b"/*\n * This program is free software under the GNU General Public License\n */", "GPL-3.0"),
        (b"/*\n * Licensed under the GNU Affero General\n * Public License\n */", "AGPL-3.0"),
        (b"export const license = 'x';", None),
    ],
)
def test_a_file_may_say_its_own(content: bytes, licence: str | None):
    assert licence_of_file(content) == licence


@pytest.mark.parametrize(
    ("path", "content", "licence"),
    [
        ("package.json", b'{"license": "MIT"}', "MIT"),
        ("package.json", b'{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', "MIT OR GPL-2.0"),
        ("package.json", b'{"license": "SEE LICENSE IN file"}', None),
        ("package.json", b'{"license": ', None),
        ("package.json", b"[" * 100_000, None),
        ("LICENSE", b"MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining", "MIT"),
        ("LICENSE.md", b"Apache License, Version 2.0", "Apache-2.0"),
        ("COPYING", b"GNU GENERAL PUBLIC LICENSE Version 3", "GPL-3.0"),
        ("LICENSE", b"do what you want", None),
    ],
)
def test_a_directory_says_it_in_these_files(path: str, content: bytes, licence: str | None):
    assert licence_of_directory(path, content) == licence


def test_the_nearest_decides():
    directories = {"": Licence("MIT", "LICENSE"), "packages/gpl": Licence("GPL-3.0", "packages/gpl/package.json")}
    assert find_licence("src/a.ts", b"", directories, "ISC") == directories[""]
    assert find_licence("packages/gpl/src/deep/a.ts", b"", directories, "ISC") == directories["packages/gpl"]
    assert find_licence("src/a.ts", b"// SPDX-License-Identifier: ISC\n", directories, None) == Licence("ISC", "file")
    assert find_licence("src/a.ts", b"", {}, "ISC") == Licence("ISC", "host")
    assert find_licence("src/a.ts", b"", {}, None) is None
