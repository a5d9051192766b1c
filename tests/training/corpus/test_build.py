"""Building a corpus: what comes out, that it is the same each time, and that a stopped build goes on."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.corpus.labelled_secrets import cases
from tests.training.corpus.repositories import repository, source
from training.corpus.build import Built, build
from training.corpus.settings import CorpusSettings
from training.corpus.syntax import errors
from training.errors import TrainingError

SETTINGS = CorpusSettings.model_validate({"part_bytes": 100_000, "files": {"largest_bytes": 50_000}})


def built(places: list[Path], output: Path, chosen: CorpusSettings = SETTINGS, workers: int = 1) -> Built:
    return build(places, output, chosen, workers=workers, say=lambda line: None)


def rows_of(output: Path, split: str = "train") -> list[dict[str, Any]]:
    return [row for file in sorted(output.glob(f"{split}-*.parquet")) for row in parquet.read_table(file).to_pylist()]


def manifest_of(output: Path) -> dict[str, dict[str, Any]]:
    rows = [row for file in sorted((output / "manifest").glob("*.parquet")) for row in parquet.read_table(file).to_pylist()]
    return {f"{row['repository']}/{row['path']}": row for row in rows}


def digests(output: Path) -> dict[str, str]:
    files = [file for file in output.rglob("*") if file.is_file() and ".work" not in file.parts]
    return {file.relative_to(output).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    root = tmp_path / "in"
    repository(root, "acme+shop", {
        "src/main.ts": source("main", imports=("./cart", "./log.js")), "src/cart.ts": source("cart", imports=("./log",)), "src/log.ts": source("log"),
        "src/view.tsx": "export const View = () => <div>it's {1}</div>;\n" + source("view"), "README.md": "# shop", "dist/main.js": source("main"),
        "src/copy.ts": source("cart", imports=("./log",)), "vendor-code.min.js": "x",
    })  # fmt: skip
    repository(
        root,
        "acme+fork",
        {"lib/cart.ts": source("cart", imports=("./log",)).replace("RangeError", "TypeError", 1), "lib/own.ts": source("own")},
    )
    repository(root, "copyleft", {"index.ts": source("gpl")}, "GNU GENERAL PUBLIC LICENSE\nVersion 3")
    repository(root, "mixed", {"a.ts": "// SPDX-License-Identifier: GPL-2.0-only\n" + source("a"), "b.ts": source("b")})
    repository(root, "unknown", {"index.ts": source("nothing"), "package.json": "{}"}, None)
    return [root]


def test_what_is_kept_and_what_is_not(places: list[Path], tmp_path: Path):
    output = tmp_path / "out"
    card = built(places, output).card
    manifest = manifest_of(output)
    kept = {name for name, row in manifest.items() if row["kept"]}
    assert kept == {
        "acme/fork/lib/cart.ts",
        "acme/fork/lib/own.ts",
        "acme/shop/src/log.ts",
        "acme/shop/src/main.ts",
        "acme/shop/src/view.tsx",
        "mixed/b.ts",
    }
    reasons = {name: row["reason"] for name, row in manifest.items() if not row["kept"]}
    assert reasons == {
        "acme/shop/dist/": "directory of what was not written here",
        "acme/shop/src/cart.ts": "nearly the same as another file",
        "acme/shop/src/copy.ts": "the same as another file",
        "acme/shop/vendor-code.min.js": "name of a generated file",
        "copyleft/index.ts": "licence is not allowed",
        "mixed/a.ts": "licence is not allowed",
        "unknown/index.ts": "no licence is known",
    }
    assert manifest["acme/shop/src/cart.ts"]["detail"] == "acme/fork: lib/cart.ts"
    assert card.kept == {"TypeScript": 6}
    assert sum(sum(counts.values()) for counts in card.removed.values()) == len(reasons)
    assert card.licences == {"MIT": 6}
    assert manifest["mixed/a.ts"]["licence_source"] == "file"
    assert manifest["mixed/b.ts"]["licence_source"] == "LICENSE"


def test_files_come_in_the_order_of_their_imports(places: list[Path], tmp_path: Path):
    built(places, tmp_path / "out")
    shop = [row["path"] for row in rows_of(tmp_path / "out") if row["repository"] == "acme/shop"]
    assert shop.index("src/log.ts") < shop.index("src/main.ts")


def test_the_card_tells_of_the_shards_as_the_trainer_checks_them(places: list[Path], tmp_path: Path):
    output = tmp_path / "out"
    built(places, output)
    card = json.loads((output / "card.json").read_text())
    for file in [*card["files"], *card["manifest"]]:
        assert hashlib.sha256((output / file["name"]).read_bytes()).hexdigest() == file["sha256"]
        assert parquet.read_metadata(output / file["name"]).num_rows == file["rows"]
    assert "| MIT | 6 |" in (output / "README.md").read_text()


def test_the_trainer_reads_it(places: list[Path], tmp_path: Path):
    trainer = pytest.importorskip("training.rows")
    built(places, tmp_path / "out")
    files = trainer.find_files([tmp_path / "out"], "train")
    rows = [row for file in files for row in trainer.read_rows(file)]
    assert [row.text for row in rows] == [row["text"] for row in rows_of(tmp_path / "out")]


def test_the_same_comes_out_with_other_processes_and_elsewhere(places: list[Path], tmp_path: Path):
    built(places, tmp_path / "one")
    built(places, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_second_run_over_the_same_does_nothing(places: list[Path], tmp_path: Path):
    first = built(places, tmp_path / "out")
    before = digests(tmp_path / "out")
    second = built(places, tmp_path / "out")
    assert (first.cleaned, second.cleaned, second.written) == (1, 0, 0)
    assert digests(tmp_path / "out") == before


def test_a_changed_file_changes_its_own_piece_alone(tmp_path: Path):
    for number in range(8):
        repository(tmp_path / "in", f"r{number}", {f"f{each}.ts": source(f"{number} {each}", 40) for each in range(8)})
    first = built([tmp_path / "in"], tmp_path / "out")
    assert first.cleaned >= 6
    (tmp_path / "in/r5/f1.ts").write_text(source("new", 40))
    second = built([tmp_path / "in"], tmp_path / "out")
    assert second.cleaned in (1, 2)
    assert second.written <= second.cleaned
    built([tmp_path / "in"], tmp_path / "anew")
    assert digests(tmp_path / "out") == digests(tmp_path / "anew")


def test_other_settings_of_rows_need_no_new_cleaning(places: list[Path], tmp_path: Path):
    built(places, tmp_path / "out")
    again = built(places, tmp_path / "out", SETTINGS.replaced(rows={"characters": 300}))
    assert again.cleaned == 0
    assert again.written == 1
    texts: dict[str, list[str]] = {}
    for row in rows_of(tmp_path / "out"):
        assert len(row["text"].encode()) <= 300
        texts.setdefault(f"{row['repository']}/{row['path']}", []).append(row["text"])
    assert "".join(texts["acme/fork/lib/own.ts"]) == source("own")


def test_a_damaged_shard_is_made_again(places: list[Path], tmp_path: Path):
    built(places, tmp_path / "out")
    before = digests(tmp_path / "out")
    shard = tmp_path / "out/train-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    built(places, tmp_path / "out")
    assert digests(tmp_path / "out") == before


def test_a_removed_repository_leaves_nothing_behind(places: list[Path], tmp_path: Path):
    built(places, tmp_path / "out")
    chosen = CorpusSettings.model_validate({**SETTINGS.model_dump(), "licences": {"opt_out": ["ACME/*"]}})
    built(places, tmp_path / "out", chosen)
    assert {row["repository"] for row in rows_of(tmp_path / "out")} == {"mixed"}
    assert manifest_of(tmp_path / "out")["acme/shop/"]["reason"] == "repository opted out"


def test_whole_repositories_are_held_out(tmp_path: Path):
    for number in range(30):
        repository(tmp_path / "in", f"r{number}", {"a.ts": source(f"{number} a"), "b.ts": source(f"{number} b")})
    built([tmp_path / "in"], tmp_path / "out", SETTINGS.replaced(rows={"validation": 0.3}))
    train, validation = ({row["repository"] for row in rows_of(tmp_path / "out", split)} for split in ("train", "validation"))
    assert len(train) + len(validation) == 30
    assert not train & validation
    assert 3 <= len(validation) <= 16


def test_no_planted_secret_is_left_and_everything_parses(tmp_path: Path):
    """Each labelled case that is code, in a file of its own with code around it."""
    planted: dict[str, tuple[bytes, ...]] = {}
    files: dict[str, str | bytes] = {}
    for number, case in enumerate(cases(repetitions=1)):
        if case.secrets and not case.bare and b"correcthorse" not in case.text:  # a word is no secret that can be told
            path = f"src/f{number}.tsx"
            text = source(number).encode() + case.text + b"\n" + source(f"{number} after").encode()
            if errors(text, path) == 0:
                files[path] = text
                planted[path] = case.secrets
    repository(tmp_path / "in", "leaky", files)
    output = tmp_path / "out"
    card = built([tmp_path / "in"], output).card
    assert len(planted) > 60
    assert card.secrets
    rows = rows_of(output)
    assert {row["path"] for row in rows} == set(planted), "no file has to go for its secrets"
    everything = b"".join(file.read_bytes() for file in (*output.glob("*.json"), *output.glob("*.md")))
    everything += json.dumps([rows, list(manifest_of(output).values())], ensure_ascii=False).encode()
    for row in rows:
        assert errors(row["text"].encode(), row["path"]) == 0, row["text"]
        for secret in planted[row["path"]]:
            assert secret not in row["text"].encode()
            assert secret not in everything


def test_evaluation_tasks_are_left_out(tmp_path: Path):
    from tasks.suite import load_suite

    task = load_suite("core").tasks[0]
    _path, content = next(
        (path, content) for path, content in sorted(task.tree.files.items()) if path.startswith("src/") and len(content) > 1_000
    )
    added = "\n".join(line[1:] for line in task.patch.splitlines() if line.startswith("+") and not line.startswith("+++"))
    repository(
        tmp_path / "in", "honest", {"whole.ts": content, "solution.ts": source("s") + "/*\n" + added + "\n*/", "own.ts": source("own")}
    )
    repository(tmp_path / "in", task.repo, {"other.ts": source("other")})
    built([tmp_path / "in"], tmp_path / "out")
    manifest = manifest_of(tmp_path / "out")
    assert {name for name, row in manifest.items() if row["kept"]} == {"honest/own.ts"}
    assert {row["stage"] for row in manifest.values() if not row["kept"]} == {"contamination"}
    assert manifest[f"{task.repo}/other.ts"]["reason"] == "repository of an evaluation task"


def test_benchmarks_are_left_out_by_repository_and_text(tmp_path: Path):
    statement = "When a parcel is sent twice the ledger shows only one of both entries, and the second is lost until the depot is opened again by hand"
    benchmark = tmp_path / "bench.jsonl"
    benchmark.write_text(json.dumps({"repo": "acme/judged", "problem_statement": statement, "PASS_TO_PASS": '["a"]'}) + "\n")
    repository(tmp_path / "in", "acme+judged", {"a.ts": source("a")})
    repository(tmp_path / "in", "acme+other", {"b.ts": f"// {statement}\n" + source("b"), "c.ts": source("c")})
    chosen = CorpusSettings.model_validate({**SETTINGS.model_dump(), "contamination": {"benchmarks": [benchmark]}})
    built([tmp_path / "in"], tmp_path / "out", chosen)
    assert {name for name, row in manifest_of(tmp_path / "out").items() if row["kept"]} == {"acme/other/c.ts"}


def test_an_archive_and_a_repository_larger_than_a_part_are_spread(tmp_path: Path):
    files = {f"src/f{number}.ts": source(f"large {number}", 30) for number in range(40)}
    directory = repository(tmp_path / "in", "acme+large", files)
    archive = tmp_path / "acme+large.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(directory, arcname="large-1.0.0")
    assert sum(map(len, files.values())) > 250_000
    for place in (tmp_path / "in", archive):
        output = tmp_path / f"out {place.name}"
        card = built([place], output).card
        assert len(card.files) >= 3
        assert {row["path"]: row["text"] for row in rows_of(output)} == files
        assert card.licences == {"MIT": 40}
        assert {row["repository"] for row in rows_of(output)} == {"acme/large"}


def test_rows_of_a_data_set_are_read(tmp_path: Path):
    rows = [
        {"content": source("one"), "path": "src/one.ts", "repo_name": "acme/one", "detected_licenses": ["MIT"], "license_type": "permissive"},
        {"content": source("two"), "path": "two.ts", "repo_name": "acme/two", "detected_licenses": ["MIT", "GPL-3.0-only"]},
        {"repo_name": "acme/whole", "detected_licenses": ["ISC"], "files": [{"path": "a.ts", "content": source("a")}, {"path": "b.ts", "content": source("b", imports=("./a",))}]},
        {"blob_id": "0123", "path": "x.ts", "repo_name": "acme/blob"},
        {"content": source("out"), "path": "../../x.ts", "repo_name": "acme/out", "license": "MIT"},
    ]  # fmt: skip
    file = tmp_path / "stack.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "[1]\nnot json\n")
    built([file], tmp_path / "out")
    assert [(row["repository"], row["path"]) for row in rows_of(tmp_path / "out")] == [
        ("acme/one", "src/one.ts"),
        ("acme/whole", "a.ts"),
        ("acme/whole", "b.ts"),
    ]
    reasons = Counter(row["reason"] for row in manifest_of(tmp_path / "out").values() if not row["kept"])
    assert set(reasons) == {
        "licence is not allowed",
        "row without a content",
        "path that leads out of the repository",
        "row that is no object in JSON",
    }


def test_hostile_input_is_left_out_with_reasons(tmp_path: Path):
    root = tmp_path / "in"
    repo = repository(root, "hostile", {
        "video.ts": b"\x47\x40\x11\x10" + bytes(2_000), "broken.ts": b"const a = '\xff\xfe\xfa';\n" * 20, "ok.ts": source("ok"),
        "\udcff\udcfe.ts".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"): source("name"), "new\nline.ts": source("line"),
        "<script>.ts": source("script"),
    })  # fmt: skip
    with open(repo / "wide.ts", "wb") as stream:
        stream.truncate(100_000_000)
    (repo / "line.ts").write_bytes(b"x" * 40_000)
    (repo / "link.ts").symlink_to("/etc/passwd")
    (repo / "loop").symlink_to(".")
    (repo / "self.ts").symlink_to("self.ts")
    os.mkfifo(repo / "pipe.ts")
    deep = repo
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.ts").write_text(source("deep"))
    (root / "broken.tar.gz").write_bytes(b"\x1f\x8b" + b"nothing" * 100)
    (root / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    (root / "broken.parquet").write_bytes(b"PAR1" + bytes(100))
    (root / "rows.jsonl").write_bytes(b'{"content": "' + b"x" * 5_000_000 + b"\n{}\n" + b"[" * 100_000 + b"\n")
    start = time.process_time()
    built([root], tmp_path / "out")
    assert time.process_time() - start < 20
    manifest = manifest_of(tmp_path / "out")
    kept = {row["path"] for row in manifest.values() if row["kept"]}
    assert kept == {"ok.ts", "\\xff\\xfe.ts", "new\nline.ts", "<script>.ts"}
    reasons = {row["path"]: row["reason"] for row in manifest.values() if row["repository"] == "hostile" and not row["kept"]}
    assert reasons["video.ts"] == "binary"
    assert reasons["broken.ts"] == "not UTF-8"
    assert reasons["wide.ts"] == "too large"
    assert reasons["line.ts"] == "line too long"
    assert reasons["link.ts"] == reasons["loop"] == reasons["self.ts"] == "symbolic link"
    assert reasons["pipe.ts"] == "no regular file"
    assert "directory too deep" in reasons.values()
    assert {row["reason"] for row in manifest.values() if row["repository"].startswith("broken")} == {"broken archive", "broken table"}


@settings(max_examples=12, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name and "\0" not in name and name not in (".", "..")),
        st.binary(max_size=300),
        max_size=6,
    )
)
def test_any_files_are_built_or_left_out(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]):
    root = tmp_path_factory.mktemp("any")
    (root / "in/r").mkdir(parents=True)
    (root / "in/r/LICENSE").write_text("MIT")
    for name, content in files.items():
        encoded = name.encode("utf-8", "replace").decode() + ".ts"
        if len(encoded.encode()) < 200:
            (root / "in/r" / encoded).write_bytes(content)
    built([root / "in"], root / "out")


@pytest.mark.parametrize("words", ["a file", "something else", "not there"])
def test_wrong_places_are_said_in_one_line(tmp_path: Path, words: str):
    output = tmp_path / "out"
    place = repository(tmp_path, "r", {"a.ts": source("a")})
    if words == "a file":
        output.write_text("x")
    elif words == "something else":
        output.mkdir()
        (output / "thesis.tex").write_text("x")
    else:
        place = tmp_path / "nowhere"
    with pytest.raises(TrainingError) as raised:
        built([place], output)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_killed_build_goes_on_to_the_same_end(tmp_path: Path):
    for number in range(24):
        repository(tmp_path / "in", f"r{number}", {f"f{each}.ts": source(f"{number} {each}", 40) for each in range(12)})
    config = tmp_path / "corpus.toml"
    config.write_text("part_bytes = 100000\n[files]\nlargest_bytes = 50000\n")
    command = [
        sys.executable,
        "-m",
        "harness.cli",
        "corpus",
        "build",
        str(tmp_path / "in"),
        "-o",
        str(tmp_path / "out"),
        "--config",
        str(config),
        "--workers",
        "1",
    ]
    killed = 0
    for _ in range(4):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        before = len(list((tmp_path / "out/.work").glob("*.json"))) if (tmp_path / "out/.work").is_dir() else 0
        deadline = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < deadline:
            if (tmp_path / "out/.work").is_dir() and len(list((tmp_path / "out/.work").glob("*.json"))) > before + 4:
                break
            time.sleep(0.01)
        killed += running.poll() is None
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert killed >= 2
    done = built([tmp_path / "in"], tmp_path / "out")
    assert done.found > 0
    built([tmp_path / "in"], tmp_path / "anew")
    assert digests(tmp_path / "out") == digests(tmp_path / "anew")
    assert not list((tmp_path / "out/.work").glob("*.tmp-*"))
