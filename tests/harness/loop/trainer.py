"""A trainer's stand-in, as a program without torch: what the loop asks `harness train`, `harness export` and `training.parity` for.

`python trainer.py DIR -m MODULE ARGUMENTS`. An adapter's weights are JSON: how many nats a token it is from its base, by what it was trained on.
DIR/calls has a line for each call.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

PLACE, ARGUMENTS = Path(sys.argv[1]), sys.argv[3:]
BASE_LOGPROB = -1.0


def option(name: str) -> str:
    return ARGUMENTS[ARGUMENTS.index(name) + 1]


def train(method: str, file: str) -> None:
    config = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    rows = [
        line for place in config["data"]["train"] for rows in sorted(Path(place).glob("*.jsonl")) for line in rows.read_bytes().splitlines()
    ]
    start = config.get("adapters", {}).get("start")
    before = json.loads((Path(start) / "adapter_model.safetensors").read_bytes()) if start else None
    digest = hashlib.sha256(b"".join(rows)).hexdigest()
    weights = {
        "logprob": -0.2 - int(digest[:2], 16) / 1000,
        "method": method,
        "rows": len(rows),
        "from": before,
        "seed": config["length"]["seed"],
    }
    output = Path(config["output"])
    (output / "checkpoints").mkdir(exist_ok=True)
    with open(output / "metrics.jsonl", "w", encoding="utf-8") as lines:
        for step in (1, 2):
            lines.write(json.dumps({"kind": "step", "step": step, "loss": 1.0 / step, "tokens": 100}) + "\n")
    write_adapter(output / "adapter", weights)


def write_adapter(place: Path, weights: dict[str, Any]) -> None:
    place.mkdir(exist_ok=True)
    (place / "adapter_config.json").write_text('{"r": 4, "target_modules": ["q_proj"]}', encoding="utf-8")
    (place / "adapter_model.safetensors").write_text(json.dumps(weights), encoding="utf-8")


def expect() -> None:
    weights = json.loads((Path(option("--adapter")) / "adapter_model.safetensors").read_bytes())
    each = {"prompt": "Say hello.", "prompt_ids": [1, 2, 3], "ids": [4] * 16, "text": "hello", "base_text": "good day"}
    each |= {"logprobs": [weights["logprob"]] * 16, "base_logprobs": [BASE_LOGPROB] * 16}
    expected = {
        "base": option("--base"), "base_sha256": "0", "adapter": "adapter", "adapter_sha256": "0", "merged": None, "recipe": "qwen3",
        "template_kwargs": {}, "thinking_marks": [], "precision": option("--precision"), "tokens": 16, "continuations": [each],
    }  # fmt: skip
    Path(option("--output")).write_text(json.dumps(expected), encoding="utf-8")


if __name__ == "__main__":
    with open(PLACE / "calls", "a", encoding="utf-8") as calls:
        calls.write(" ".join(ARGUMENTS) + "\n")
    if (PLACE / "broken").exists():
        sys.exit("error: the trainer is broken")
    match ARGUMENTS:
        case ["harness.cli", "train", method, file]:
            train(method, file)
        case ["harness.cli", "export", "adapter", adapter, *_]:
            shutil.copytree(adapter, option("--output"))
        case ["training.parity", *_]:
            expect()
        case _:
            sys.exit(f"error: nobody knows {ARGUMENTS}")
