"""What a dry run says, against what a run does and against sums by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("trl")

import torch
from safetensors.torch import load_file, save_file

from tests.training.chat_models import family_tokenizer
from tests.training.tiny_models import write_rows
from training.base_settings import AdapterSettings, BaseSettings
from training.config import SftConfig
from training.errors import TrainingError
from training.model import attach_adapters, load_base, random_base
from training.plan import make_plan
from training.processes import start_processes
from training.recipe import find_recipe
from training.sft import train_sft

Base = Callable[[Path], object]


def quantised(method: str) -> Base:
    def change(base: Path) -> None:
        config = json.loads((base / "config.json").read_text())
        (base / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": method}}))

    return change


def cut_off(base: Path) -> None:
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def without(name: str) -> Base:
    def change(base: Path) -> None:
        tensors = load_file(base / "model.safetensors")
        del tensors[name]
        save_file(tensors, base / "model.safetensors")

    return change


def index_of_absent_files(base: Path) -> None:
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))


def as_it_is(base: Path) -> None:
    """Nothing."""


def on_its_way_a_file(base: Path) -> None:
    (base.parent / "run").write_text("")


NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@pytest.mark.parametrize(
    ("change", "sections", "complaint"),
    [
        pytest.param(quantised("modelopt"), {}, "quantised by ModelOpt", id="modelopt"),
        pytest.param(lambda base: (base / "hf_quant_config.json").write_text("{}"), {}, "quantised by ModelOpt", id="modelopt-file"),
        pytest.param(quantised("compressed-tensors"), {}, r"quantised already \(compressed-tensors\)", id="compressed"),
        pytest.param(lambda base: (base / "model.safetensors").unlink(), {}, "no safetensors in it", id="no-weights"),
        pytest.param(lambda base: (base / "model.safetensors").rename(base / "pytorch_model.bin"), {}, "no safetensors in it", id="bin"),
        pytest.param(index_of_absent_files, {}, "00001-of-00002.safetensors is missing", id="absent-files"),
        pytest.param(cut_off, {}, "not whole safetensors", id="cut-off"),
        pytest.param(without("model.norm.weight"), {}, "no tensor 'model.norm.weight'", id="a-norm-less"),
        pytest.param(without("lm_head.weight"), {}, "no tensor 'lm_head.weight'", id="headless"),
        pytest.param(as_it_is, {"adapters": {"dora": True}, "base": {"precision": "nf4"}}, "dora needs the norms", id="dora-nf4"),
        pytest.param(as_it_is, {"optimizer": {"name": "adamw_8bit"}}, "needs a GPU", id="adamw-8bit"),
        pytest.param(as_it_is, {"machine": {"device": "cuda"}}, "the device cuda is asked for", id="cuda", marks=NO_GPU),
        pytest.param(as_it_is, {"recipe": "nemotron-3-nano"}, "is a 'qwen3', and the recipe .* is for nemotron_h", id="recipe"),
        pytest.param(as_it_is, {"adapters": {"targets": ["experts"]}}, "knows no kind|matches no layer", id="target"),
        pytest.param(as_it_is, {"base": {"mamba": "mamba_ssm"}}, "base.mamba = 'mamba_ssm' is for nemotron_h", id="mamba"),
        pytest.param(as_it_is, {"base": {"compile": True}}, "base.compile = True is for nemotron_h", id="compile"),
        pytest.param(as_it_is, {"base": {"keep": "most"}}, "base.keep = 'most' is for nemotron_h", id="keep"),
        pytest.param(on_its_way_a_file, {}, "run is a file: give another", id="output"),
        pytest.param(on_its_way_a_file, {"output": "under"}, "run is a file: give another", id="output-under"),
    ],
)  # fmt: skip
def test_what_a_run_refuses_a_dry_run_refuses_in_the_same_words(
    change: Base, sections: dict[str, Any], complaint: str, qwen3: Path, settings: Any, questions: list[Any], tmp_path: Path
) -> None:
    base = shutil.copytree(qwen3, tmp_path / "base")
    rows = write_rows(tmp_path / "rows.jsonl", questions[:4])
    change(base)
    output = str(tmp_path / "run/more") if sections.get("output") else str(tmp_path / "run")
    made = settings(base, rows, **{name: section for name, section in sections.items() if name != "base"} | {"output": output})
    config = SftConfig.model_validate(made | {"base": made["base"] | sections.get("base", {})})
    with pytest.raises(TrainingError, match=complaint) as refused:
        train_sft(config, start_processes(config.machine.device), say=lambda line: None, report=lambda report: None)
    with pytest.raises(TrainingError) as planned:
        make_plan("sft", config)
    assert str(planned.value) == str(refused.value)
    assert "\n" not in str(planned.value)


def test_each_part_of_a_plan_of_a_dense_model_is_its_sum_by_hand(qwen3: Path, settings: Any, questions: list[Any], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions)
    made = settings(qwen3, rows, machine={"device": "cpu", "peak_tflops": 0.5}, length={"epochs": 3, "steps": None, "rows_per_step": 1})
    plan = make_plan("sft", SftConfig.model_validate(made))
    tokens, hidden, layers, vocabulary = 2400, 32, 2, json.loads((qwen3 / "config.json").read_text())["vocab_size"]
    a_layer = hidden * 32 + 2 * hidden * 16 + 32 * hidden + 3 * hidden * 48
    assert {name: value * 2**30 for name, value in plan.memory.items()} == pytest.approx({
        "weights": 4 * (layers * a_layer + 2 * vocabulary * hidden),
        "adapters": 16 * plan.trainable,
        "stream": tokens * hidden * 4 * layers,
        "kept": 0,
        "working set": 6 * tokens * 4 * 48,
        "expanded": 0,
        "logits": 2 * 2048 * vocabulary * 4,
    })  # fmt: skip
    card = plan.card.train
    attention = 12 * layers * 2 * 16 * (card.tokens / card.examples) / 2
    operations = 3 * (card.tokens * (6 * (layers * a_layer + plan.trainable) + attention) + card.learned_tokens * 6 * vocabulary * hidden)
    assert plan.operations == pytest.approx(operations)
    assert plan.seconds == pytest.approx(operations / (0.5e12 * 0.35))
    assert plan.memory_gib == pytest.approx(sum(plan.memory.values()))


@pytest.mark.parametrize("keep", ["least", "experts", "most"])
def test_each_part_of_a_plan_of_a_mixture_in_four_bits_is_its_sum_by_hand(
    keep: str, nemotron_h: Path, settings: Any, questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions)
    made = settings(nemotron_h, rows, optimizer={"name": "muon"})
    plan = make_plan("sft", SftConfig.model_validate(made | {"base": {"path": str(nemotron_h), "precision": "nf4", "keep": keep}}))
    tokens, hidden, vocabulary = 2400, 32, json.loads((nemotron_h / "config.json").read_text())["vocab_size"]
    inner, entering = 32, 2 * 32 + 2 * 2 * 8 + 4  # of Mamba: the gate and x, B and C of two groups, dt
    experts, routed = 4 * 32 * hidden, 2 * 32
    weights = 2 * (entering * hidden + inner * hidden) + 4 * 32 * hidden - 2 * 16 * hidden + 2 * (2 * experts + 2 * 48 * hidden)
    kept = {"least": 0, "experts": 2 * routed, "most": 2 * routed + 2 * (entering + inner)}[keep]
    assert {name: value * 2**30 for name, value in plan.memory.items()} == pytest.approx({
        "weights": 0.5625 * weights + 2 * 2 * vocabulary * hidden,
        "adapters": 12 * plan.trainable,
        "stream": tokens * hidden * 2 * 5,
        "kept": tokens * 2 * kept,
        "working set": 6 * tokens * 2 * entering,
        "expanded": 2 * 2 * experts,
        "logits": 2 * 2048 * vocabulary * 4,
    })  # fmt: skip


def test_what_is_kept_of_experts_is_planned_where_it_is_kept(
    ordinary_config: Any, settings: Any, questions: list[Any], tmp_path: Path
) -> None:
    """Layers of other mixtures than nemotron_h are run again."""
    from transformers import AutoModelForCausalLM

    tokenizer = family_tokenizer("qwen3")
    config = ordinary_config("qwen3_moe")
    config.vocab_size, config.max_position_embeddings = len(tokenizer), 4096
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    made = settings(tmp_path / "base", write_rows(tmp_path / "rows.jsonl", questions[:4]))
    assert make_plan("sft", SftConfig.model_validate(made)).memory["kept"] == 0


def test_ranks_that_a_gpu_has_no_products_for_are_refused_where_they_are_planned(nemotron_config: Any) -> None:
    settings = AdapterSettings(targets=("experts",), rank=4)
    recipe, base = find_recipe("nemotron-3-nano"), BaseSettings(path="random")
    attach_adapters(random_base(nemotron_config(), base, "meta"), recipe, settings, device=torch.device("cpu"))
    with pytest.raises(TrainingError, match="multiples of 8"):
        attach_adapters(random_base(nemotron_config(), base, "meta"), recipe, settings, device=torch.device("cuda"))


@pytest.mark.parametrize(
    ("expert", "whole", "complaint"),
    [
        (0, True, r"experts\.1\.up_proj is \[32, 32\], and of its other experts \[31, 32\]"),
        (0, False, "no tensor .*experts.up_proj"),
        (2, False, "2.up_proj whole"),
    ],
)
def test_an_expert_that_is_missing_or_of_another_shape_is_told_as_the_checkpoints(
    expert: int, whole: bool, complaint: str, nemotron_h: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(nemotron_h, tmp_path / "base")
    tensors = load_file(base / "model.safetensors")
    name = next(each for each in tensors if each.endswith(f"experts.{expert}.up_proj.weight"))
    tensors[name] = tensors[name][:-1].contiguous()
    if not whole:
        del tensors[name]
    save_file(tensors, base / "model.safetensors")
    for device in ("cpu", "meta"):
        with pytest.raises(TrainingError, match=complaint):
            load_base(BaseSettings(path=str(base)), None, device)
