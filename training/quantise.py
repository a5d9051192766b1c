"""A merged checkpoint in FP8 or NVFP4, by llmcompressor in an environment of its own, let through by its divergence from what it was made from."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from training.divergence import Divergence, probe_of
from training.errors import TrainingError
from training.export import Exported, write_card
from training.new_directory import new_directory
from training.origin import checkpoint_digest

SCHEMES: Final = {"fp8": "FP8_DYNAMIC", "nvfp4": "NVFP4", "nvfp4a16": "NVFP4A16"}
CALIBRATED: Final = ("NVFP4",)
"""Those that take scales from a text, which is then not the one that they are judged on."""
LIMITS: Final = {"fp8": 0.02, "nvfp4": 0.1, "nvfp4a16": 0.1}
"""Nats a token."""
_ALONE: Final = Path(__file__).parent / "quantise_alone.py"
_ENVIRONMENT: Final = "python3 -m venv .venv-quantise && .venv-quantise/bin/pip install llmcompressor torchvision"


def export_quantised(
    checkpoint: Path,
    directory: Path,
    scheme: str,
    python: Path,
    *,
    limit: float | None = None,
    probe: Path | None = None,
    device: str = "cpu",
) -> Exported:
    """`python` is that of an environment with llmcompressor. TrainingError when it has none, or when what it wrote is further than `limit` away; nothing is kept then."""
    if scheme not in SCHEMES:
        raise TrainingError(f"there is no scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    _check_environment(python)
    allowed = LIMITS[scheme] if limit is None else limit
    try:
        origin = json.loads((checkpoint / "export.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{checkpoint} is no merged checkpoint of `harness export merge`: it has no export.json") from error
    rows, what = probe_of(checkpoint, probe, "cpu")
    ids: list[int] = rows.input_ids[0].tolist()
    half = len(ids) // 2 if SCHEMES[scheme] in CALIBRATED else 0
    with new_directory(directory) as place:
        wanted = {
            "source": str(checkpoint.resolve()),
            "directory": str(place),
            "scheme": SCHEMES[scheme],
            "calibration": ids[:half],
            "ids": ids[half:],
            "device": device,
        }
        report = _run(python, wanted)
        found = Divergence(*(report[name] for name in ("mean", "largest", "agreement", "tokens")))
        if not found.mean <= allowed:
            raise TrainingError(
                f"the quantised checkpoint is {found.mean:.4f} nats a token from the merged one, more than {allowed}; nothing is kept"
            )
        for file in checkpoint.iterdir():
            if (
                file.is_file()
                and file.suffix != ".safetensors"
                and not (place / file.name).exists()
                and file.name not in ("export.json", "README.md", "model.safetensors.index.json")
            ):
                shutil.copyfile(file, place / file.name)
        what = f"the second half of {what} (scales come from the first)" if half else what
        card = origin | {
            "kind": f"{origin['kind']}, then {SCHEMES[scheme]}",
            "merged_sha256": checkpoint_digest(checkpoint),
            "merge_divergence": origin["divergence"],
            "probe": what,
            "divergence": {"mean": found.mean, "largest": found.largest, "agreement": found.agreement, "tokens": found.tokens},
            "limit": allowed,
            "versions": report["versions"],
        }
        write_card(place, card, directory.name)
    return Exported(directory, f"a checkpoint in {SCHEMES[scheme]}", found, what)


def _check_environment(python: Path) -> None:
    try:
        ended = subprocess.run([str(python), "-c", "import llmcompressor"], capture_output=True, check=False)
    except OSError as error:
        raise TrainingError(f"{python}: {error.strerror}; make an environment: {_ENVIRONMENT}") from error
    if ended.returncode:
        raise TrainingError(f"{python} has no llmcompressor; make an environment: {_ENVIRONMENT}")


def _run(python: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    ended = subprocess.run([str(python), str(_ALONE)], input=json.dumps(wanted), capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise TrainingError(f"llmcompressor failed: {last[:300]}") from error
    return report
