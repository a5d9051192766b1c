"""What a loop is made from, and how it is told that it is another: the suites, the base, recorded trajectories."""

from __future__ import annotations

from pathlib import Path

from harness.config import ConfigError
from harness.loop.config import LoopConfig
from harness.loop.digests import digest_of
from tasks.overlap import refuse_shared
from tasks.suite import Suite, load_suite


def suites_of(config: LoopConfig) -> tuple[Suite, Suite]:
    """What is trained on, and what is held out. TaskError when they share anything."""
    train = load_suite(config.sample.suite).select(config.sample.tasks, split=config.sample.split)
    held_out = load_suite(config.evaluate.suite).select(config.evaluate.tasks, split=config.evaluate.split)
    refuse_shared(train, held_out)
    return train, held_out


def base_digest(config: LoopConfig) -> str:
    """Of a base on the disk: its configuration, and its weights' sizes and times."""
    place = Path(config.base.model)
    if not place.is_dir():
        return config.base.model
    return digest_of(times_of(place, "*"))


def times_of(place: Path, files: str = "**/*") -> list[list[object]]:
    """Of the files of a directory, or of one file: names, sizes and times. ConfigError when it is not there."""
    found = sorted(file for file in place.glob(files) if file.is_file()) if place.is_dir() else [place]
    try:
        return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in found]
    except OSError as error:
        raise ConfigError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error
