"""Quantises a merged checkpoint with llmcompressor and compares what was written, read back, with what it was made from.

A program of its own, run by the Python of an environment that has llmcompressor (it pins other versions than training does); it imports nothing of this project.
Reads one JSON object from stdin: source, directory, scheme, ids (token ids of the probe), calibration (those of the
text that activations' scales come from, none where a scheme needs none), device. Its last line of stdout is a JSON object: mean, largest, agreement, tokens, versions.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from contextlib import nullcontext
from typing import Any

import torch
from llmcompressor import oneshot
from llmcompressor.modeling.moe.linearize import load_quantizable_moe
from llmcompressor.modifiers.quantization import QuantizationModifier
from transformers import AutoModelForCausalLM

# The head and whatever decides on experts stay whole; convolutions are no linear layers, and named for those who read the file.
WHOLE = ["lm_head", "re:.*gate$", "re:.*router.*", "re:.*conv1d.*"]


def load(directory: str, device: str, *, quantised: bool) -> Any:
    # transformers alone would fuse quantised experts without their scales; whole ones it reads as they are.
    with load_quantizable_moe() if quantised else nullcontext():
        model: Any = AutoModelForCausalLM.from_pretrained(directory, dtype="auto", device_map=device)
    for module in model.modules():
        if hasattr(module, "time_step_limit"):
            module.time_step_limit = tuple(float(limit) for limit in model.config.time_step_limit)
    return model.eval()


def logprobs(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.log_softmax(model(input_ids=ids, use_cache=False).logits[0].float(), dim=-1).cpu()


def main() -> None:
    wanted = json.load(sys.stdin)
    ids = torch.tensor(wanted["ids"], device=wanted["device"])[None]
    model = load(wanted["source"], wanted["device"], quantised=False)
    before = logprobs(model, ids)
    options: dict[str, Any] = {}
    if wanted["calibration"]:
        from datasets import Dataset

        rows = [row.tolist() for row in torch.tensor(wanted["calibration"]).split(128)]
        options = {
            "dataset": Dataset.from_dict({"input_ids": rows, "attention_mask": [[1] * len(row) for row in rows]}),
            "num_calibration_samples": len(rows),
            "max_seq_length": 128,
        }
    oneshot(model=model, recipe=QuantizationModifier(targets="Linear", scheme=wanted["scheme"], ignore=WHOLE), **options)
    model.save_pretrained(wanted["directory"], save_compressed=True)
    del model
    after = logprobs(load(wanted["directory"], wanted["device"], quantised=True), ids)
    each = (before.exp() * (before - after)).sum(-1).clamp(min=0)
    report = {
        "mean": float(each.mean()),
        "largest": float(each.max()),
        "agreement": float((before.argmax(-1) == after.argmax(-1)).float().mean()),
        "tokens": each.shape[0],
        "versions": {name: importlib.metadata.version(name) for name in ("llmcompressor", "compressed-tensors", "transformers", "torch")},
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
