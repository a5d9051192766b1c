"""Repositories made for tests: TypeScript that differs from file to file, so that only what is meant to be a duplicate is one."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = [
    "order",
    "invoice",
    "parcel",
    "route",
    "ticket",
    "ledger",
    "sensor",
    "beacon",
    "market",
    "recipe",
    "garden",
    "signal",
    "vector",
    "matrix",
    "bucket",
    "carrier",
    "depot",
    "voyage",
    "harbour",
    "anchor",
    "lantern",
    "compass",
    "barrel",
    "copper",
    "timber",
    "quarry",
    "meadow",
    "orchard",
    "glacier",
    "canyon",
    "prairie",
    "lagoon",
    "monsoon",
    "zephyr",
    "ember",
    "cinder",
]
MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"


def source(seed: int | str, functions: int = 6, imports: tuple[str, ...] = ()) -> str:
    """A module that parses, of about 300 bytes a function."""
    chance = random.Random(f"source {seed}")
    lines = [f'import {{ {chance.choice(WORDS)} }} from "{each}";' for each in imports]
    for _ in range(functions):
        name, one, other, third = (chance.choice(WORDS) + str(chance.randrange(1_000)) for _ in range(4))
        operator, number = chance.choice("+-*/%"), chance.randrange(10_000)
        lines += [
            f"/** Works out the {one} of a {other}, {chance.choice(WORDS)} by {chance.choice(WORDS)}. */",
            f"export function {name}({one}: number, {other}: {{ {third}: number }}): number {{",
            f"  const {chance.choice(WORDS)}_ = {one} {operator} {other}.{third};",
            f"  if ({one} > {number}) {{",
            f"    throw new RangeError(`{chance.choice(WORDS)} {chance.choice(WORDS)} ${{{one}}}`);",
            "  }",
            f"  return {one} {operator} {number} + {other}.{third};",
            "}",
            "",
        ]
    return "\n".join(lines) + "\n"


def repository(root: Path, name: str, files: dict[str, str | bytes], licence: str | None = MIT) -> Path:
    directory = root / name
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    directory.mkdir(exist_ok=True, parents=True)
    if licence is not None:
        (directory / "LICENSE").write_text(licence)
    return directory
