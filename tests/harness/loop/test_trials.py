"""A run that was broken off goes on where a port or a price has changed since, with all that was found out of the model."""

from __future__ import annotations

from pathlib import Path

from harness.config import ModelSettings, Prices, RunConfig, differences
from harness.loop.trials import take_over


def test_what_decides_no_result_may_change_between_sittings(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    asked = RunConfig(suite="core", model=ModelSettings(name="m", base_url="http://localhost:1/v1"))
    found = asked.model_copy(update={"model": asked.model.model_copy(update={"rescue_format": "hermes"})})  # what a probe adds
    file.write_text(found.to_toml(), encoding="utf-8")
    changes = {"base_url": "http://localhost:2/v1", "request_timeout_seconds": 9.0, "prices": Prices(input=1.0, output=2.0)}
    take_over(file, asked.model_copy(update={"model": asked.model.model_copy(update=changes)}))
    now = found.model_copy(update={"model": found.model.model_copy(update=changes)})
    assert differences(file.read_text(encoding="utf-8"), now) == []
    take_over(tmp_path / "nothing.toml", now)
    assert not (tmp_path / "nothing.toml").exists()
