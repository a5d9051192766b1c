"""The corpus: megabytes a second, memory by the size of the input, a second run, and secrets against detect-secrets.

    python -m benchmarks.corpus [--source DIR] [--megabytes 50 100 200]

Without `--source` the input is made of modules in the tests' own words; with it, of the repositories in DIR, renamed word by word in every copy so that
copies are no duplicates. Time is CPU time of all processes, since machines are shared; on two cores the rate is twice what a CPU second gives.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.training.corpus.labelled_secrets import Case, cases
from tests.training.corpus.repositories import repository, source

SUFFIXES = (".ts", ".tsx", ".js", ".mjs")
BUILD = """
import json, resource, sys, time
from pathlib import Path
from training.corpus.build import build
from training.corpus.settings import CorpusSettings
if __name__ == "__main__":
    start = time.monotonic()
    built = build([Path(sys.argv[1])], Path(sys.argv[2]), CorpusSettings(), workers=int(sys.argv[3]), say=lambda line: None)
    own, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"cpu": own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime, "wall": time.monotonic() - start,
        "parent": own.ru_maxrss / 1e3, "worker": theirs.ru_maxrss / 1e3, "read": built.read_bytes / 1e6, "kept": built.card.kept_bytes / 1e6,
        "cleaned": built.cleaned, "files": sum(built.card.kept.values())}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="a directory of repositories with real source")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[50, 100, 200])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    console = Console(width=150)
    rates = Table(
        "MB read",
        "kept",
        "files",
        "CPU s",
        "MB/s on 2 cores",
        "wall s",
        "parent MB",
        "worker MB",
        "second run CPU s",
        "share",
        title="build",
    )
    for size in options.megabytes:
        with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
            root = Path(scratch)
            _fill(root / "in", size * 1e6, options.source)
            first, second = (_build(root, options.workers) for _ in range(2))
            assert second["cleaned"] == 0
            rates.add_row(
                f"{first['read']:.0f}", f"{first['kept']:.0f}", f"{first['files']:.0f}", f"{first['cpu']:.1f}", f"{2 * first['read'] / first['cpu']:.1f}",
                f"{first['wall']:.1f}", f"{first['parent']:.0f}", f"{first['worker']:.0f}", f"{second['cpu']:.1f}", f"{100 * second['cpu'] / first['cpu']:.1f}%",
            )  # fmt: skip
    console.print(rates)
    console.print(_secrets())


def _build(root: Path, workers: int) -> dict[str, float]:
    import json

    script = root / "build.py"
    script.write_text(BUILD)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(script), str(root / "in"), str(root / "out"), str(workers)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _fill(root: Path, size: float, real: Path | None) -> None:
    written, copy = 0.0, 0
    while written < size:
        if real is None:
            chance = random.Random(copy)
            files = {f"src/f{number}.ts": source(f"{copy} {number}", max(1, int(chance.lognormvariate(2, 1)))) for number in range(60)}
            repository(root, f"r{copy}", files)
            written += sum(map(len, files.values()))
        else:
            for directory in sorted(each for each in real.iterdir() if each.is_dir()):
                if written < size:
                    written += _copy(directory, root / f"{directory.name}-{copy}", copy, size - written)
        copy += 1


def _copy(directory: Path, target: Path, copy: int, room: float) -> float:
    """With a third of all words renamed in copies after the first."""
    written = 0.0
    for file in sorted(directory.rglob("*")):
        if (
            not file.is_file()
            or file.is_symlink()
            or not (file.suffix in SUFFIXES or file.name in ("package.json", "LICENSE"))
            or written > room
        ):
            continue
        content = file.read_bytes()
        if copy and file.suffix in SUFFIXES:
            content = re.sub(rb"[a-z_A-Z]{5,}", lambda word: word[0] + b"%d" % copy if zlib.crc32(word[0]) % 3 == 0 else word[0], content)
        place = target / file.relative_to(directory)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        written += len(content)
    return written


def _secrets() -> Table:
    from training.corpus.secrets import SecretFinder
    from training.corpus.settings import SecretSettings

    finder = SecretFinder(SecretSettings())
    table = Table(
        "", "recall", "precision", "ms a case", title="secrets on the labelled set (detect-secrets: by line, without people's addresses)"
    )
    labelled = list(cases(2, seed=7))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    hits, misses, false = 0, 0, 0
    for case in labelled:
        found = finder.find(case.text, bare=case.bare)
        covered = [any(each.start <= start_ and end <= each.end for each in found) for start_, end in case.spans]
        hits, misses = hits + sum(covered), misses + len(covered) - sum(covered)
        false += sum(not any(each.start < end and start_ < each.end for start_, end in case.spans) for each in found)
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - start
    table.add_row("ours", f"{hits / (hits + misses):.3f}", f"{hits / (hits + false):.3f}", f"{1_000 * spent / len(labelled):.2f}")
    table.add_row("detect-secrets", *_theirs(labelled))
    return table


def _theirs(labelled: list[Case]) -> tuple[str, str, str]:
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings

    hits, misses, false = 0, 0, 0
    start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with default_settings():
        for case in labelled:
            found = any(True for line in case.text.decode().splitlines() for _ in scan_line(line))
            if case.secrets:
                people = all(re.search(rb"^[\d.]+$|@", secret) for secret in case.secrets)
                hits, misses = hits + (found and not people), misses + (not found and not people)
            else:
                false += found
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - start
    return f"{hits / (hits + misses):.3f}", f"{hits / (hits + false):.3f}", f"{1_000 * spent / len(labelled):.2f}"


if __name__ == "__main__":
    main()
