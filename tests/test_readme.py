"""The README's commands work: each is parsed, and those that need no server and no long time are run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.options import build_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]


def without_variables(command: str) -> list[str]:
    words = shlex.split(command)
    while re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


HARNESS_COMMANDS = [without_variables(command)[1:] for command in COMMANDS if without_variables(command)[0] == "harness"]
MAKE_COMMANDS = [without_variables(command)[1] for command in COMMANDS if without_variables(command)[0] == "make"]


def test_there_are_commands_to_check():
    assert len(HARNESS_COMMANDS) > 8
    assert {"eval", "test"} <= set(MAKE_COMMANDS)


@pytest.mark.parametrize("words", HARNESS_COMMANDS, ids=" ".join)
def test_every_harness_command_is_one(words: list[str]):
    assert build_parser().parse_args(words).command


@pytest.mark.parametrize("target", MAKE_COMMANDS)
def test_every_make_target_is_one(target: str):
    asked = subprocess.run(["make", "--dry-run", target, f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [words for words in HARNESS_COMMANDS if "http" not in " ".join(words) and "openai" not in " ".join(words)], ids=" ".join
)
def test_a_command_that_needs_no_server_succeeds(words: list[str], tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_every_file_of_the_tree_is_there():
    tree = README.split("## The tree")[1].split("```")[1]
    names = re.findall(r"(?<![\w/.-])([\w-]+\.(?:py|mjs|md))\b", tree)
    assert names
    for name in names:
        assert list(ROOT.glob(f"*/{name}")), name


def test_every_make_target_has_its_variables_in_the_example():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for variable in re.findall(r"^([A-Z]+) \?=", makefile, re.MULTILINE):
        assert f"\n{variable}=" in example
