"""Which repositories are collected, as one TOML; `configs/collect.toml` writes every default out."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.toml_file import checked, read_as
from training.corpus.settings import PERMISSIVE
from training.errors import TrainingError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GitHubSettings(_Section):
    api: str = Field(default="https://api.github.com", pattern=r"^https?://")
    attempts: int = Field(default=6, ge=1)
    """At a request that the server failed, or that did not get through."""
    longest_wait_seconds: float = Field(default=3_700, gt=0)
    """For a rate limit, as the server says; where it says more, collecting stops and can be gone on with later."""
    timeout_seconds: float = Field(default=30, gt=0)


class CloneSettings(_Section):
    protocols: tuple[Literal["https", "http", "file"], ...] = ("https",)
    largest_kilobytes: int = Field(default=2_000_000, gt=0)
    """Of a repository, as its host says; larger ones are left out."""
    timeout_seconds: float = Field(default=1_800, gt=0)
    patterns: tuple[str, ...] = (
        "*.ts", "*.tsx", "*.mts", "*.cts", "*.js", "*.jsx", "*.mjs", "*.cjs", "package.json", "LICEN[CS]E*", "licen[cs]e*", "COPYING*", "UNLICENSE*",
        "!**/node_modules/**", "!**/dist/**", "!**/vendor/**",
    )  # fmt: skip
    """What is fetched and checked out, in the words of git's sparse checkouts."""


class DatasetSettings(_Section):
    name: str
    """Of a data set with a row a file (`content`, `path`, `repo_name`, licences), as `datasets.load_dataset` takes it; `json` or `parquet` for files."""
    config: str | None = None
    split: str = "train"
    data_files: tuple[str, ...] = ()
    rows: int | None = Field(default=None, gt=0)
    """None: all."""


class CollectSettings(_Section):
    languages: tuple[str, ...] = ("TypeScript", "JavaScript")
    stars: int = Field(default=100, ge=0)
    """At least."""
    pushed_after: date | None = None
    licences: tuple[str, ...] = PERMISSIVE
    """SPDX identifiers that the host tells; files are looked at again when the corpus is built."""
    forks: bool = False
    archived: bool = True
    limit: int = Field(default=100, ge=0)
    """Repositories of the search; 0: only those that are named."""
    repositories: tuple[str, ...] = ()
    """`owner/name`: besides what is searched for, whatever their stars are."""
    opt_out: tuple[str, ...] = ()
    """Names or patterns, such as `owner/*`."""
    github: GitHubSettings = Field(default_factory=GitHubSettings)
    clone: CloneSettings = Field(default_factory=CloneSettings)
    dataset: DatasetSettings | None = None

    def replaced(self, **changes: Any) -> CollectSettings:
        return checked({**self.model_dump(), **changes}, CollectSettings, TrainingError)


def read_collect_settings(file: Path | None) -> CollectSettings:
    """The defaults, with what a TOML says instead. TrainingError names the setting that is wrong."""
    if file is None:
        return CollectSettings()
    return read_as(file, CollectSettings, TrainingError)
