"""What a round would refuse, the plan refuses, and so does the loop before it has begun anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.small_suite import write_suite
from harness.cli import main
from tests.harness.loop.files import TRAINING, loop_file

PREFERENCE = {"config": "dpo.toml", "every": 2}
THERE = {"base_url": "http://localhost:1/v1", "name": "m"}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("suites") / "suite"
    write_suite(place, train=1, held_out=1, tasks=2)
    return str(place)


def with_setting(line: str) -> str:
    """The training's file with another line of the same name."""
    name = line.partition(" ")[0]
    return "".join(each for each in TRAINING.splitlines(keepends=True) if not each.startswith(f"{name} ")) + f"{line}\n"


WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    # The training's file, of each method that is used
    "a setting that there is not": ({"sft": "foo = 1\n" + TRAINING}, "sft.toml: foo: extra inputs are not permitted"),
    "base is no table": ({"sft": with_setting("base = 3")}, "sft.toml: base: a table is wanted, [base] (given: 3)"),
    "data is no table": ({"sft": with_setting("data = 3")}, "sft.toml: data: a table is wanted, [data] (given: 3)"),
    "length is no table": ({"sft": with_setting('length = "x"')}, "sft.toml: length: a table is wanted, [length] (given: 'x')"),
    "adapters is no table": ({"sft": with_setting("adapters = [3]")}, "sft.toml: adapters: a table is wanted, [adapters] (given: [3])"),
    "no rate": ({"sft": with_setting("optimizer = {}")}, "sft.toml: optimizer.learning_rate: field required"),
    "a precision that is none": ({"sft": with_setting('base = {precision = "fp7"}')}, "sft.toml: base.precision: input should be"),
    "rows that are too short": ({"sft": with_setting("packing = {tokens = 16}")}, "sft.toml: packing.tokens is 16, less than"),
    "it is gone": ({"training__config": "nothing.toml"}, "nothing.toml: No such file or directory"),
    "preference's is gone": ({"training__preference": PREFERENCE}, "dpo.toml: No such file or directory"),
    "preference's is wrong": ({"training__preference": PREFERENCE, "dpo": "beta = 1\n" + TRAINING}, "dpo.toml: beta: extra inputs"),
    "a pair does not fit": ({"training__preference": PREFERENCE, "dpo": with_setting("packing = {tokens = 5000}")}, "both sides of a pair"),
    "a target that the recipe has not": ({"sft": with_setting('adapters = {targets = ["moe"]}')}, "knows no kind 'moe'; it has attention"),
    "a rank of no target": ({"sft": with_setting("adapters = {ranks = {moe = 4}}")}, "adapters.ranks: 'moe' is not among the targets"),
    "a target that is not served": (
        {"serve": {"engine": "vllm"}, "sft": with_setting('adapters = {targets = ["attention", "experts"]}')},
        "vllm cannot serve an adapter of experts: take attention, mlp as adapters.targets",
    ),
    # The base and its recipe
    "no such recipe": ({"base__recipe": "nope"}, "there is no recipe 'nope'; there are "),
    "no such file of a recipe": ({"base__recipe": "nope.toml"}, "nope.toml: No such file or directory"),
    "the recipe of another family": ({"base__recipe": "nemotron-3-nano"}, "is a 'qwen3', and the recipe 'nemotron-3-nano' is for "),
    "no such base": ({"base__model": "/nothing"}, "/nothing: there is no such directory"),
    "no base and no hub's name": ({"base__model": "modle"}, "base.model: modle: there is no such directory, and it is no hub name"),
    "a directory without a model": ({"base__model": "suite-of-nothing"}, "no model's config.json can be read there"),
    # Programs
    "no such python": ({"training__python": "nowhere/python"}, "nowhere/python: there is no such program"),
    "no such environment": ({"serve__environment": "nowhere"}, "nowhere: there is no such environment"),
    "no such command": ({"serve": {**THERE, "command": ["no-such-program"]}}, "serve.command: no-such-program: there is no such program"),
    # Rows
    "no such filters": ({"rows__filters": "nope"}, "nope: No such file or directory; give a TOML, or one of "),
    "no such file of filters": ({"rows__filters": "nope.toml"}, "nope.toml: No such file or directory; give a TOML, or one of "),
    "no such pairs": ({"rows__pairs": "nope", "training__preference": PREFERENCE, "dpo": TRAINING}, "nope: No such file or directory"),
    "no such sources": ({"cold_start": {"kind": "trajectories", "sources": ["nope"]}}, "nope: neither a run directory nor a file"),
    "filters of sources": (
        {"cold_start": {"kind": "trajectories", "sources": ["sft.toml"], "filters": "nope"}},
        "nope: No such file or directory; give a TOML, or one of ",
    ),
    # Rollouts
    "thinking that has no switch": ({"base__recipe": "own.toml", "sample__mix": [{"thinking": "off"}]}, "thinking cannot be switched"),
    "the endpoint's recipe": ({"cold_start": {"kind": "endpoint", **THERE, "recipe": "nope"}}, "there is no recipe 'nope'"),
    "a ledger that is none": ({"directory": "sft.toml"}, "sft.toml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_round_would_refuse_is_refused_before_the_first(
    name: str, suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, words = WRONG[name]
    files = {each: changes[each] for each in ("sft", "dpo") if each in changes}
    settings = {each: value for each, value in changes.items() if each not in files}
    (tmp_path / "suite-of-nothing").mkdir()
    own = 'name = "own"\nmodel_types = ["qwen3"]\nadapters = {default = ["all"], targets = {all = ["q_proj"]}}\n'
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    file = loop_file(tmp_path, **{"sample__suite": suite, "evaluate__suite": suite, **settings})
    for method, content in files.items():
        (tmp_path / f"{method}.toml").write_text(content, encoding="utf-8")
    for how in (["--dry-run"], []):
        assert main(["loop", str(file), *how]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert words in line
    assert not (tmp_path / "loop").exists()


def test_what_is_right_is_planned(suite: str, tmp_path: Path) -> None:
    file = loop_file(tmp_path, sample__suite=suite, evaluate__suite=suite, training__preference={"config": "sft.toml", "every": 1})
    assert main(["loop", str(file), "--dry-run"]) == 0
