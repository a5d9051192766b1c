"""What a corpus is made of and how, as one TOML; `configs/corpus.toml` writes every default out. Nothing heavy in here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.toml_file import checked, read_as
from training.errors import TrainingError

PERMISSIVE = ("MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Unlicense", "CC0-1.0", "BlueOak-1.0.0", "Zlib")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LicenceSettings(_Section):
    allowed: tuple[str, ...] = PERMISSIVE
    """SPDX identifiers. Of `A OR B` one has to be allowed, of `A AND B` both."""
    unknown: Literal["leave_out", "keep"] = "leave_out"
    """Files for which no licence is found."""
    opt_out: tuple[str, ...] = ()
    """Repositories whose owners do not want it: names or patterns, such as `owner/*`."""


class FileSettings(_Section):
    languages: tuple[Literal["TypeScript", "JavaScript", "JSON", "YAML", "Environment"], ...] = ("TypeScript", "JavaScript")
    largest_bytes: int = Field(default=1_000_000, gt=0)
    longest_line: int = Field(default=1_000, gt=0)
    """Characters, as the next."""
    mean_line: float = Field(default=100, gt=0)
    alphanumeric: float = Field(default=0.25, ge=0, le=1)
    """The least share of the bytes that are letters or digits."""
    declarations_bytes: int = Field(default=20_000, ge=0)
    """Larger `.d.ts` files are left out: they are compiled from what is there as source, or are tables."""
    directories: tuple[str, ...] = (
        "node_modules", "bower_components", "jspm_packages", "dist", "build", "out", "vendor", "third_party", "third-party", "coverage",
        ".git", ".hg", ".svn", ".next", ".nuxt", ".yarn", ".cache", ".turbo", "__generated__", "generated",
    )  # fmt: skip
    """Left out as a whole, at any depth."""
    names: tuple[str, ...] = (
        "*.min.js", "*.min.mjs", "*.min.cjs", "*.bundle.js", "*-min.js", "*.chunk.js", "*.umd.js", "*.pb.ts", "*_pb.ts", "*_pb.js", "*_pb.d.ts",
        "*.generated.ts", "*.gen.ts", "*.g.ts", "*.map", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", ".pnp.*",
    )  # fmt: skip
    """Patterns of file names that are left out."""


class ArchiveSettings(_Section):
    """What is read of a tarball or a zip, which may have been made to fill a disk."""

    largest_bytes: int = Field(default=2_000_000_000, gt=0)
    """Unpacked, all members together."""
    members: int = Field(default=200_000, gt=0)
    ratio: float = Field(default=200, gt=1)
    """How many times larger than the archive its content may be, beyond its first 10 MB."""


class DuplicateSettings(_Section):
    exact: bool = True
    near: bool = True
    similarity: float = Field(default=0.7, gt=0, le=1)
    """Jaccard similarity of the sets of five consecutive words, estimated from 256 permutations."""
    least_words: int = Field(default=20, ge=5)
    """Shorter files are compared as a whole only."""


class SecretSettings(_Section):
    remove: bool = True
    emails: bool = True
    addresses: bool = True
    """Public IPv4 addresses."""


class ContaminationSettings(_Section):
    suites: tuple[str, ...] = ("core",)
    """Shipped suites' names, or directories."""
    benchmarks: tuple[Path, ...] = ()
    """Rows of other benchmarks (.jsonl, .parquet): all their texts are compared, and their `repo` is left out as a whole."""
    words: int = Field(default=16, ge=5)
    """So many consecutive words in common with a task's statement, solution or tests."""


class RowSettings(_Section):
    order: Literal["imports", "path"] = "imports"
    """`imports`: a file comes after those of its repository that it imports."""
    characters: int = Field(default=60_000, ge=200)
    """Longer files are cut at the borders of statements."""
    tokenizer: Path | None = None
    """A tokenizer.json, or a directory with one: rows of tokens. None: rows of text, which the trainer tokenises."""
    tokens: int = Field(default=8192, ge=16)
    """In a row of tokens: files of one repository, one after another, each with an end of text."""
    end_of_text: str | None = None
    """The token's name; None: the one that the tokenizer's configuration names."""
    fill_in_the_middle: float = Field(default=0.5, ge=0, le=1)
    """The share of files that are taken apart in rows of tokens. In rows of text the trainer does it."""
    suffix_first: float = Field(default=0.5, ge=0, le=1)
    marks: tuple[str, str, str] | None = None
    """The tokenizer's prefix, middle and suffix tokens; None: those that models are known to have."""
    validation: float = Field(default=0.0, ge=0, lt=1)
    """The share of repositories, by their names, that are the validation split."""


class CorpusSettings(_Section):
    seed: int = 0
    part_bytes: int = Field(default=16_000_000, ge=100_000)
    """Source in one piece of work and in one shard: what memory depends on."""
    samples: int = Field(default=3, ge=0)
    """Of each removal in a shard, kept for `harness corpus inspect`."""
    licences: LicenceSettings = Field(default_factory=LicenceSettings)
    files: FileSettings = Field(default_factory=FileSettings)
    archives: ArchiveSettings = Field(default_factory=ArchiveSettings)
    duplicates: DuplicateSettings = Field(default_factory=DuplicateSettings)
    secrets: SecretSettings = Field(default_factory=SecretSettings)
    contamination: ContaminationSettings = Field(default_factory=ContaminationSettings)
    rows: RowSettings = Field(default_factory=RowSettings)

    def replaced(self, *, rows: dict[str, Any], **others: Any) -> CorpusSettings:
        """With other settings, checked as those of a file are. TrainingError names what is wrong."""
        content = self.model_dump()
        content["rows"].update(rows)
        return checked({**content, **others}, CorpusSettings, TrainingError)

    @model_validator(mode="after")
    def _a_file_fits(self) -> CorpusSettings:
        if self.files.largest_bytes > self.part_bytes:
            raise ValueError("files.largest_bytes is more than part_bytes")
        return self


def read_settings(file: Path | None) -> CorpusSettings:
    """The defaults, with what a TOML says instead; paths in it are relative to it. TrainingError names the setting that is wrong."""
    if file is None:
        return CorpusSettings()
    return _resolved(read_as(file, CorpusSettings, TrainingError), file.parent)


def _resolved(settings: CorpusSettings, base: Path) -> CorpusSettings:
    contamination: dict[str, Any] = {"benchmarks": tuple(base / each for each in settings.contamination.benchmarks)}
    rows: dict[str, Any] = {"tokenizer": base / settings.rows.tokenizer if settings.rows.tokenizer else None}
    return settings.model_copy(
        update={
            "contamination": settings.contamination.model_copy(update=contamination),
            "rows": settings.rows.model_copy(update=rows),
        }
    )
