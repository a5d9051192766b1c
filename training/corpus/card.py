"""What a corpus is made of, in numbers and digests: `card.json`, which the trainer checks its shards against, and the same for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from training.corpus.shards import Split, Written
from training.errors import TrainingError

CARD = "card.json"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CorpusFile(_Section):
    """A shard."""

    name: str
    sha256: str
    rows: int
    tokens: int
    """0 in rows of text."""
    bytes: int


class CorpusCard(_Section):
    schema_version: Literal[1] = 1
    kind: Literal["corpus"] = "corpus"
    settings: dict[str, Any]
    sources: tuple[str, ...]
    """Names of the places, without what is above them on the machine."""
    evaluation_digests: dict[str, str]
    """Of the suites and benchmarks that it was compared with."""
    tokenizer_sha256: str | None
    files: tuple[CorpusFile, ...]
    manifest: tuple[CorpusFile, ...]
    """One row a file that was looked at, kept or not, with its licence and the reason."""
    kept: dict[str, int]
    """Files by language."""
    kept_bytes: int
    removed: dict[str, dict[str, int]]
    """Files by stage and reason."""
    removed_bytes: dict[str, int]
    """By stage, as far as their sizes are known."""
    other_files: int
    """Files in other languages, of directories; they are not in the manifest."""
    licences: dict[str, int]
    """Kept files."""
    secrets: dict[str, int]
    """What was replaced in kept files."""

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def tokens(self) -> int:
        return sum(file.tokens for file in self.files)


def read_card(directory: Path) -> CorpusCard:
    """TrainingError when there is none of a corpus."""
    try:
        return CorpusCard.model_validate_json((directory / CARD).read_bytes())
    except OSError as error:
        raise TrainingError(f"{directory} holds no corpus: {CARD} is not there; `harness corpus build` makes one") from error
    except ValidationError as error:
        raise TrainingError(f"{directory / CARD} is not of a corpus, or of another version: build it again") from error


def make_card(
    written: Sequence[Written],
    names: Mapping[tuple[str, Split], str],
    *,
    settings: dict[str, Any],
    sources: Sequence[str],
    evaluation_digests: dict[str, str],
    tokenizer_sha256: str | None,
    other_files: int,
    manifest: Sequence[CorpusFile],
) -> CorpusCard:
    """`names`: of shards, by the key of what they came of and the split."""
    kept: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    secrets: Counter[str] = Counter()
    removed: dict[str, Counter[str]] = {}
    removed_bytes: Counter[str] = Counter()
    for each in written:
        kept.update(each.files)
        licences.update(each.licences)
        secrets.update(each.secrets)
        removed_bytes.update(each.removed_bytes)
        for stage, counts in each.removed.items():
            removed.setdefault(stage, Counter()).update(counts)
    files = [
        CorpusFile(name=names[each.key, shard.split], sha256=shard.sha256, rows=shard.rows, tokens=shard.tokens, bytes=shard.size)
        for each in written
        for shard in each.shards
    ]
    return CorpusCard(
        settings=settings,
        sources=tuple(sources),
        evaluation_digests=evaluation_digests,
        tokenizer_sha256=tokenizer_sha256,
        files=tuple(sorted(files, key=lambda file: file.name)),
        manifest=tuple(manifest),
        kept=dict(kept.most_common()),
        kept_bytes=sum(each.bytes_kept for each in written),
        removed={stage: dict(counts.most_common()) for stage, counts in sorted(removed.items())},
        removed_bytes=dict(sorted(removed_bytes.items())),
        other_files=other_files,
        licences=dict(licences.most_common()),
        secrets=dict(secrets.most_common()),
    )


def readme(card: CorpusCard) -> str:
    """The data card for a person, with the header that data set hubs read."""
    rows = "tokens" if card.tokens else "text"
    lines = [
        "---",
        "language: [code]",
        "tags: [typescript, javascript]",
        "---",
        "# A corpus of source for domain-adaptive pre-training",
        "",
        f"{sum(card.kept.values()):,} files, {card.kept_bytes:,} bytes, {card.rows:,} rows of {rows}"
        + (f", {card.tokens:,} tokens" if card.tokens else "")
        + f", in {len(card.files)} shards. `card.json` has all numbers, settings and digests; `manifest/` has a row for each file that was looked at.",
        "",
        "Files stand under the licences that are named with them; whoever passes them on keeps their notices. Secrets of known forms are replaced by",
        "words that begin with `REDACTED_`; a secret without any form may be left. What decides for each file is in `manifest/`.",
        "",
        *_table("Kept", "files", card.kept),
        *_table("Licences", "files", card.licences),
        *_table("Replaced", "times", card.secrets),
    ]
    for stage, counts in card.removed.items():
        lines += _table(f"Left out: {stage}", "files", counts)
    lines += ["## Compared with", "", *(f"- `{name}` ({digest[:12]})" for name, digest in card.evaluation_digests.items()), ""]
    return "\n".join(lines)


def _table(title: str, unit: str, counts: Mapping[str, int]) -> list[str]:
    rows = [f"| {_cell(name)} | {count:,} |" for name, count in counts.items()]
    return [f"## {title}", "", f"| | {unit} |", "|---|---|", *rows, ""] if rows else []


def _cell(text: str) -> str:
    """Licences are what strangers' files say."""
    return "".join(each if each.isprintable() and each not in "|<>`[]" else "?" for each in text)[:100]
