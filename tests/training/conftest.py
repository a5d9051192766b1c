"""What the tests of this room share: tiny models on the disk, and configurations that train them in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.chat_models import answer, user


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense transformer."""
    return _saved("save_qwen3", tmp_path_factory)


@pytest.fixture(scope="session")
def nemotron_h(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mamba, attention and experts."""
    return _saved("save_nemotron_h", tmp_path_factory)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A configuration for a base and rows, any section of which can be laid over."""

    def make(base: Path, rows: Path, **sections: Any) -> dict[str, Any]:
        made: dict[str, Any] = {
            "output": str(tmp_path / "run"),
            "base": {"path": str(base), "precision": "fp32"},
            "adapters": {"rank": 8, "alpha": 16},
            "data": {"train": [str(rows)], "max_tokens": 1200},
            "packing": {"tokens": 2400},
            "optimizer": {"learning_rate": 0.02},
            "schedule": {"warmup": 0.1},
            "length": {"steps": 6, "rows_per_step": 2},
            "machine": {"device": "cpu", "tensorboard": False},
        }
        for name, section in sections.items():
            made[name] = {**made.get(name, {}), **section} if isinstance(section, dict) else section
        return made

    return make


@pytest.fixture
def questions() -> list[dict[str, Any]]:
    """Fifty conversations of one turn, each with its own answer."""
    return [
        {"messages": [user(f"{number}?"), answer(f"The number {number} is {'odd' if number % 2 else 'even'}.")]} for number in range(50)
    ]


def _saved(name: str, factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("trl")
    torch.set_num_threads(1)
    from tests.training import tiny_models

    return getattr(tiny_models, name)(factory.mktemp(name))
