"""From a recipe, a checkpoint and a machine to a server's command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.checkpoint import LoraSettings, read_adapter, read_checkpoint
from harness.compatibility import mismatches
from harness.config import ConfigError
from harness.machine import Cuda, Gpu, Machine, this_machine
from harness.options import build_parser
from harness.server_command import Choice, ServerCommand, server_command
from training.recipe import find_recipe, recipe_for

NANO = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"


def machine(number: int = 1, *, mib: int = 143_771, capability: str = "9.0", name: str = "NVIDIA H200") -> Machine:
    gpus = tuple(Gpu(name=name, memory_mib=mib, free_mib=mib, capability=capability) for _ in range(number))
    return this_machine().model_copy(update={"gpus": gpus, "cuda": Cuda(driver="580.95.05", of_torch="13.0"), "mismatches": ()})


NO_GPU = machine(0)


def command(model: str, on: Machine, *adapters: LoraSettings, **choice: Any) -> ServerCommand:
    checkpoint = read_checkpoint(model)
    recipe = recipe_for(model, checkpoint.model_type)
    return server_command(read_checkpoint(model, recipe), recipe, on, Choice(**choice), adapters)


def option(made: ServerCommand, name: str) -> str | None:
    return made.argv[made.argv.index(name) + 1] if name in made.argv else None


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A Qwen3 of 8 billion parameters in bfloat16, but for its weights: the file is as long, and empty."""
    place = tmp_path / "qwen3-8b"
    place.mkdir()
    config = {
        "model_type": "qwen3", "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
        "max_position_embeddings": 40960, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with open(place / "model.safetensors", "wb") as weights:
        weights.truncate(16_400_000_000)
    return place


def adapter(rank: int, *targets: str) -> LoraSettings:
    return LoraSettings(name="mine", path=Path("/adapters/mine"), rank=rank, targets=targets)


def test_the_nemotron_recipe_on_one_h200_has_the_flags_that_are_known_to_run():
    made = command(NANO, machine(), adapter(16, "q_proj", "in_proj"))
    assert made.argv[:3] == ("python3", "-m", "vllm.entrypoints.openai.api_server")
    assert option(made, "--tool-call-parser") == "qwen3_coder"
    assert option(made, "--reasoning-parser") == "nemotron_v3"
    assert option(made, "--mamba-ssm-cache-dtype") == "float32"
    assert option(made, "--max-lora-rank") == "16"
    assert option(made, "--max-model-len") == "32768"
    assert option(made, "--lora-modules") == "mine=/adapters/mine"
    assert option(made, "--tensor-parallel-size") is None
    assert made.env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"


def test_what_does_not_fit_as_bf16_is_served_as_the_checkpoint_of_a_narrower_type():
    made = command(NANO, machine(mib=48_000, capability="8.9", name="L40S"))
    assert option(made, "--model") == "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8"
    assert any("fp8" in note for note in made.notes)
    blackwell = command(NANO, machine(mib=32_000, capability="12.0", name="RTX 5090"))
    assert option(blackwell, "--model") == "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4"


def test_what_fits_on_none_is_told():
    with pytest.raises(ConfigError, match="do not fit"):
        command(NANO, machine(mib=16_000))
    with pytest.raises(ConfigError, match="has no fp8"):
        command(NANO, machine(capability="8.0"), dtype="fp8")


def test_a_model_too_large_for_one_gpu_is_split_and_one_that_fits_is_copied(checkpoint: Path):
    split = command(NANO, machine(4, mib=80_000))
    assert (option(split, "--tensor-parallel-size"), option(split, "--data-parallel-size")) == ("2", "2")
    copied = command(str(checkpoint), machine(2))
    assert (option(copied, "--tensor-parallel-size"), option(copied, "--data-parallel-size")) == (None, "2")
    with pytest.raises(ConfigError, match="there are 2"):
        command(str(checkpoint), machine(2), tensor_parallel=2, data_parallel=2)


def test_the_context_is_what_the_memory_holds_beside_the_weights(checkpoint: Path):
    assert option(command(str(checkpoint), machine()), "--max-model-len") is None  # all of it fits
    small = command(str(checkpoint), machine(mib=40_960))
    length = int(option(small, "--max-model-len") or 0)
    assert 4096 <= length < 40960
    assert any(str(length) in note for note in small.notes)
    with pytest.raises(ConfigError, match="room for"):
        command(str(checkpoint), machine(mib=24_000), dtype="bf16")
    assert option(command(str(checkpoint), machine(mib=40_960), context=2048), "--max-model-len") == "2048"


def test_a_directory_is_never_looked_for_on_a_hub(checkpoint: Path):
    assert command(str(checkpoint), NO_GPU).env["HF_HUB_OFFLINE"] == "1"
    assert command(str(checkpoint), NO_GPU).served_name == "qwen3-8b"


@pytest.mark.parametrize(("rank", "told"), [(3, "8"), (8, "8"), (17, "32"), (100, "128")])
def test_the_rank_is_the_least_that_a_server_may_be_told(rank: int, told: str):
    assert option(command(NANO, machine(), adapter(rank, "q_proj")), "--max-lora-rank") == told


def test_adapters_go_to_the_server_that_can_serve_their_layers():
    experts = adapter(8, "experts.up_proj")
    with pytest.raises(ConfigError, match="merge the adapter"):
        command(NANO, machine(), experts)
    with pytest.raises(ConfigError, match="--engine vllm"):
        command(NANO, machine(), adapter(8, "in_proj"), engine="sglang")
    with pytest.raises(ConfigError, match="takes no adapters"):
        command(NANO, machine(), adapter(8, "q_proj"), engine="transformers")
    assert "--lora-paths" in command(NANO, machine(), adapter(8, "q_proj"), engine="sglang").argv


def test_each_engine_is_started_in_its_own_words(checkpoint: Path):
    sglang = command(NANO, machine(2), engine="sglang")
    assert sglang.argv[:3] == ("python3", "-m", "sglang.launch_server")
    assert option(sglang, "--reasoning-parser") == "nano_v3"
    tensorrt = command(NANO, machine(), adapter(8, "q_proj"), engine="tensorrt-llm")
    assert tensorrt.argv[0] == "trtllm-serve"
    assert json.loads(tensorrt.files["tensorrt-llm.yaml"])["lora_config"]["max_lora_rank"] == 8
    own = command(str(checkpoint), NO_GPU, engine="transformers", environment=Path("/env"), more=("--dtype", "float32"))
    assert own.argv[:2] == ("/env/bin/transformers", "serve")
    assert own.argv[-3:] == (str(checkpoint), "--dtype", "float32")
    assert own.served_name == str(checkpoint)


def test_what_is_no_checkpoint_or_adapter_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such directory"):
        read_checkpoint("/nowhere/at/all")
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_checkpoint(str(tmp_path))
    with pytest.raises(ConfigError, match=r"adapter_config\.json"):
        read_adapter("a", tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"r": 8, "target_modules": ["q_proj"], "rank_pattern": {"x": 32}}', encoding="utf-8")
    with pytest.raises(ConfigError, match="safetensors"):
        read_adapter("a", tmp_path)
    (tmp_path / "adapter_model.safetensors").touch()
    assert read_adapter("a", tmp_path).rank == 32


NO_CONFIGS = ["[]", "7", "null", '"qwen3"', "[" * 100_000, '{"text_config": []}', '{"model_type": 5}', '{"num_attention_heads": "many"}', '{"quantization_config": 5}', '{"num_attention_heads": 4.5}', "\x00"]  # fmt: skip
NO_ADAPTERS = ["[]", "7", "[" * 100_000, '{"r": 8}', '{"r": 8, "target_modules": null}', '{"r": 8, "target_modules": []}', '{"r": 8, "target_modules": 5}',
               '{"r": null, "target_modules": ["q_proj"]}', '{"r": 0, "target_modules": ["q_proj"]}', '{"r": 8, "target_modules": ["q_proj"], "rank_pattern": {"x": "deep"}}',
               '{"r": 8, "target_modules": ["q_proj"], "rank_pattern": 7}', '{"r": 8, "target_modules": ["q_proj"], "target_parameters": 7}']  # fmt: skip


def test_a_configuration_that_no_model_or_adapter_has_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "adapter_model.safetensors").touch()
    for text in NO_CONFIGS:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"config\.json") as caught:
            read_checkpoint(str(tmp_path))
        assert str(caught.value).isprintable()
    for text in NO_ADAPTERS:
        (tmp_path / "adapter_config.json").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"adapter_config\.json") as caught:
            read_adapter("a", tmp_path)
        assert str(caught.value).isprintable()
    with pytest.raises(ConfigError, match="which model"):
        read_checkpoint("")


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "99999"], ["--port", "-1"], ["--port", "0"], ["--port", "http"], ["--context", "-5"], ["--tensor-parallel", "0"], ["--data-parallel", "-1"],
        ["--max-lora-rank", "-1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_number_out_of_its_bounds_is_wrong_input(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["serve", "x/y", *words])
    assert caught.value.code == 2
    assert f"argument {words[0]}: a whole number" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nemotron-3-nano", "qwen3", "llama", "smollm3"])
def test_every_shipped_recipe_makes_a_command_for_every_engine(name: str):
    recipe = find_recipe(name)
    for engine in ("vllm", "sglang", "tensorrt-llm", "transformers"):
        made = server_command(read_checkpoint(f"x/{name}-8B", recipe), recipe, machine(), Choice(engine=engine))
        assert all(isinstance(word, str) and word for word in made.argv)


@pytest.mark.parametrize(
    ("driver", "cuda", "capability", "words"),
    [
        ("580.95.05", "13.0", "9.0", None),
        ("535.183.01", "13.0", "9.0", "580.65.06"),
        ("535.183.01", "12.8", "9.0", "compiled at run time"),
        ("570.26", "12.4", "10.0", "12.8"),
        (None, "13.0", "9.0", None),
        ("580.95.05", None, None, None),
    ],
)
def test_driver_cuda_and_gpu_are_held_against_the_table(driver: str | None, cuda: str | None, capability: str | None, words: str | None):
    found = mismatches(driver=driver, cuda=cuda, capability=capability)
    assert (not found) if words is None else any(words in sentence for sentence in found)


def test_this_machine_is_told_as_json():
    told = this_machine()
    assert told == Machine.model_validate_json(told.model_dump_json())
    assert told.cores >= 1
    assert told.versions["openai"]
