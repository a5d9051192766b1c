from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import training.config
from training.config import CONFIGS, DpoConfig, SftConfig, read_config, to_toml
from training.errors import TrainingError

SHIPPED = sorted((Path(training.config.__file__).parent / "configs").glob("*.toml"))

LEAST: dict[str, Any] = {
    "output": "run",
    "base": {"path": "model"},
    "data": {"train": ["rows"], "max_tokens": 100, "too_long": "cut"},
    "packing": {"tokens": 200},
    "optimizer": {"learning_rate": 1e-4},
}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_configuration_reads_and_is_complete(file: Path) -> None:
    kind = CONFIGS[file.stem.split("-")[0]]  # type: ignore[index]
    config = read_config(file, kind)
    assert all(place.is_absolute() for place in (*config.data.train, config.output))


def test_each_method_has_a_configuration_for_nemotron() -> None:
    assert {f"{method}-nemotron-3-nano" for method in CONFIGS} <= {file.stem for file in SHIPPED}


def test_a_configuration_that_is_written_back_is_the_same(tmp_path: Path) -> None:
    config = DpoConfig.model_validate(LEAST)
    (tmp_path / "c.toml").write_text(to_toml(config))
    again = DpoConfig.model_validate(tomllib.loads((tmp_path / "c.toml").read_text()))
    assert again == config


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "c.toml").write_text(to_toml(SftConfig.model_validate({**LEAST, "adapters": {"start": "round-1/adapter"}})))
    config = read_config(tmp_path / "c.toml", SftConfig)
    assert config.adapters.start == tmp_path / "round-1/adapter"
    assert config.data.train == (tmp_path / "rows",)
    assert config.base.path == str(tmp_path / "model")
    assert config.output == tmp_path / "run"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"packing": {"tokens": 50}}, "packing.tokens is 50, less than data.max_tokens, 100"),
        ({"packing": {"tokens": 150}}, "at least twice data.max_tokens"),
        ({"optimizer": {"learning_rate": 0}}, "optimizer.learning_rate: "),
        ({"data": {**LEAST["data"], "too_long": "split"}}, "a side of a pair is not split"),
        ({"extra": 1}, "extra: "),
        ({"adapters": {"targets": []}}, "adapters.targets: "),
        ({"adapters": {"ranks": {"attention": 0}}}, "adapters.ranks.attention: "),
        ({"adapters": {"alpha": float("inf")}}, "adapters.alpha: "),
        ({"optimizer": {"learning_rate": 1e-4, "betas": [0.9, 1.5]}}, "optimizer.betas.1: "),
        ({"optimizer": {"learning_rate": float("inf")}}, "optimizer.learning_rate: "),
        ({"length": {"epochs": float("inf")}}, "length.epochs: "),
        ({"length": {"epochs": float("nan")}}, "length.epochs: "),
        ({"length": {"seed": 2**40}}, "length.seed: "),
        ({"length": {"seed": -1}}, "length.seed: "),
        ({"schedule": {"floor": float("nan")}}, "schedule.floor: "),
        ({"base": {"path": "m", "precision": "nf4"}, "machine": {"spread": "shard"}}, "4-bit bases are not sharded"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    import tomli_w

    file = tmp_path / "c.toml"
    file.write_text(tomli_w.dumps({**LEAST, **change}))
    with pytest.raises(TrainingError) as told:
        read_config(file, DpoConfig)
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("text", "complaint"), [("x =", "not TOML"), (None, "No such file")])
def test_a_file_that_cannot_be_read_is_told(text: str | None, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(TrainingError, match=complaint):
        read_config(file, SftConfig)


def test_configurations_load_neither_torch_nor_numpy() -> None:
    script = "import sys, training.config; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
