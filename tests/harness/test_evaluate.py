"""A whole evaluation: what several images in one suite come to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import sandboxes.images
from harness.config import build_config
from harness.evaluate import evaluate
from sandboxes.images.recipe import keep_environment
from trajectories.store import Result, read_trajectory, trial_directory

MINI = Path(__file__).parents[1] / "mini"


def suite_of_two_images(place: Path) -> str:
    """The mini suite, one of its repositories with packages of its own; the name of their image."""
    shutil.copytree(MINI, place)
    node24 = Path(sandboxes.images.__file__).parent / "node24"
    about, locked = (json.loads((node24 / name).read_text(encoding="utf-8")) for name in ("package.json", "package-lock.json"))
    vite = {"vite": locked["packages"]["node_modules/vite"]["version"]}  # the same packages, as another image
    about["dependencies"] |= vite
    locked["packages"][""]["dependencies"] |= vite
    package, lock = json.dumps(about).encode(), json.dumps(locked).encode()
    name = keep_environment(package, lock)
    (place / "images" / name).mkdir(parents=True)
    (place / "images" / name / "package.json").write_bytes(package)
    (place / "images" / name / "package-lock.json").write_bytes(lock)
    words = place / "repos" / "words.toml"
    words.write_text(f'image = "{name}"\n' + words.read_text(encoding="utf-8"), encoding="utf-8")
    return name


async def test_tasks_of_several_images_are_one_run(tmp_path: Path) -> None:
    environment = suite_of_two_images(tmp_path / "suite")
    config = build_config(None, {"suite": str(tmp_path / "suite"), "model": {"name": "oracle"}, "sandbox": {"backend": "bubblewrap"}})
    seen: list[Result] = []
    started = []

    def on_start(about):
        started.append((about.planned, about.done))
        return seen.append

    directory, summary = await evaluate(config, output=tmp_path / "run", fresh=False, say=lambda line: None, on_start=on_start)
    assert (summary.total.resolved, summary.total.attempts) == (3, 3)
    assert started == [(3, 0)]
    assert len(seen) == 3
    images = json.loads((directory / "run.json").read_text(encoding="utf-8"))["sandbox"]["images"]
    assert set(images) == {"node24", environment}
    used = {}
    for result in seen:
        record = read_trajectory(trial_directory(directory, result))
        used.setdefault(result.instance_id.partition("-")[0], set()).add(record.provenance.image)
    assert used == {"sums": {images["node24"]}, "words": {images[environment]}}

    # Taken up again, nothing is left of either.
    await evaluate(config, output=tmp_path / "run", fresh=False, say=lambda line: None, on_start=on_start)
    assert started == [(3, 0), (3, 3)]
    assert len(seen) == 3
