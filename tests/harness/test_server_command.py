"""From a recipe, a checkpoint and a machine to a server's command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.checkpoint import LoraSettings, read_adapter, read_checkpoint
from harness.cli import main
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
        ["--max-lora-rank", "-1"], ["--ready-seconds", "0"], ["--ready-seconds", "nan"], ["--ready-seconds", "soon"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_number_out_of_its_bounds_is_wrong_input(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["serve", "x/y", *words])
    assert caught.value.code == 2
    assert f"argument {words[0]}: a {'' if words[0] == '--ready-seconds' else 'whole '}number" in capsys.readouterr().err


AT = "--host 127.0.0.1 --port 8000"
VLLM = "python3 -m vllm.entrypoints.openai.api_server --model x --served-model-name x " + AT
SGLANG = "python3 -m sglang.launch_server --model-path x --served-model-name x " + AT
TENSORRT = "trtllm-serve x --backend pytorch " + AT
TRANSFORMERS = f"transformers serve {AT} --continuous-batching x"
LAYERS = "down_proj gate_proj k_proj o_proj q_proj up_proj v_proj"


def words(name: str) -> dict[str, str]:
    """Of each engine: the command for eight billion parameters on one H200, with adapters that are loaded later where it takes any."""
    tool, thinking, later = {
        "nemotron-3-nano": ("qwen3_coder", " --reasoning-parser nemotron_v3", " --mamba-ssm-cache-dtype float32"),
        "qwen3": ("hermes", " --reasoning-parser qwen3", ""),
        "llama": ("llama3_json", "", ""),
        "smollm3": ("hermes", "", ""),
    }[name]
    context = "32768" if name == "nemotron-3-nano" else ""
    parsers = {
        "nemotron-3-nano": " --tool-call-parser qwen3_coder --reasoning-parser nano_v3",
        "qwen3": " --tool-call-parser qwen25 --reasoning-parser qwen3",
        "llama": " --tool-call-parser llama3",
        "smollm3": "",
    }[name]
    theirs = {
        "nemotron-3-nano": " --tool_parser qwen3_coder --reasoning_parser nano-v3",
        "qwen3": " --tool_parser qwen3 --reasoning_parser qwen3",
    }
    layers = "k_proj o_proj q_proj v_proj" if name == "nemotron-3-nano" else LAYERS
    return {
        "vllm": VLLM + (f" --max-model-len {context}" if context else "") + " --gpu-memory-utilization 0.9 --enable-auto-tool-choice"
        f" --tool-call-parser {tool}{thinking} --enable-lora --max-lora-rank 16 --max-loras 1{later}",
        "sglang": SGLANG + (f" --context-length {context}" if context else "") + f"{parsers} --enable-lora --max-lora-rank 16 --max-loras-per-batch 2"
        f" --lora-target-modules {layers}" + (" --mamba-ssm-dtype float32" if context else ""),
        "tensorrt-llm": TENSORRT + (f" --max_seq_len {context}" if context else "") + theirs.get(name, "")
        + " --extra_llm_api_options {files}/tensorrt-llm.yaml",
        "transformers": TRANSFORMERS,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["nemotron-3-nano", "qwen3", "llama", "smollm3"])
def test_every_shipped_recipe_makes_this_command_for_every_engine(name: str):
    recipe = find_recipe(name)
    for engine, expected in words(name).items():
        rank = None if engine == "transformers" else 16
        checkpoint = read_checkpoint("x", recipe).model_copy(update={"billions": 8.0, "stored_as": "bf16"})
        made = server_command(checkpoint, recipe, machine(), Choice(engine=engine, max_rank=rank))
        assert " ".join(made.argv) == expected
    lora = json.loads(server_command(checkpoint, recipe, machine(), Choice(engine="tensorrt-llm", max_rank=16)).files["tensorrt-llm.yaml"])
    attention, rest = ["attn_k", "attn_dense", "attn_q", "attn_v"], ["mlp_4h_to_h", "mlp_h_to_4h", "mlp_gate"]
    wanted = attention if name == "nemotron-3-nano" else [*rest[:2], *attention[:3], rest[2], attention[3]]
    assert lora == {"lora_config": {"lora_target_modules": wanted, "max_lora_rank": 16, "lora_dir": []}}


def test_adapters_are_given_to_each_engine_with_their_layers():
    sglang = command(NANO, machine(), adapter(8, "layers.0.q_proj"), engine="sglang")
    assert " ".join(sglang.argv).endswith(
        "--enable-lora --max-lora-rank 8 --max-loras-per-batch 2 --lora-target-modules k_proj o_proj q_proj v_proj"
        " --lora-paths mine=/adapters/mine --mamba-ssm-dtype float32"
    )
    unknown = command("x/y-8B", machine(), max_rank=8, engine="sglang")
    assert " ".join(unknown.argv).endswith("--lora-target-modules all"), "no recipe tells them"
    tensorrt = json.loads(command("x/y-8B", machine(), adapter(8, "q_proj"), engine="tensorrt-llm").files["tensorrt-llm.yaml"])
    assert tensorrt["lora_config"] == {"lora_target_modules": ["attn_q"], "max_lora_rank": 8, "lora_dir": ["/adapters/mine"]}
    with pytest.raises(ConfigError, match="whose layers"):
        command("x/y-8B", machine(), max_rank=8, engine="tensorrt-llm")
    with pytest.raises(ConfigError, match="two adapters are called 'mine'"):
        command(NANO, machine(), adapter(8, "q_proj"), adapter(8, "q_proj"))


def test_gpus_that_an_engine_leaves_idle_are_told_and_none_are_promised():
    for engine, option_, note in (
        ("vllm", "--data-parallel-size 4", "4 copies over 1 GPU each"),
        ("sglang", "--dp-size 4", "4 copies over 1 GPU each"),
        ("tensorrt-llm", "trtllm-serve", "3 of 4 GPUs have nothing to do"),
        ("transformers", "transformers serve", "hub's name"),
    ):
        made = command("Qwen/Qwen3-8B", machine(4), engine=engine)
        assert option_ in " ".join(made.argv)
        assert note in made.notes[-1]
    split = command(NANO, machine(4, mib=80_000), engine="tensorrt-llm")
    assert (option(split, "--tp_size"), split.notes[-2:]) == ("2", ("1 copy over 2 GPUs each", "2 of 4 GPUs have nothing to do"))


def test_a_width_that_was_asked_for_reaches_every_server():
    for engine, on in (("vllm", NO_GPU), ("sglang", NO_GPU), ("transformers", NO_GPU), ("vllm", machine()), ("sglang", machine())):
        assert option(command("Qwen/Qwen3-8B", on, engine=engine, dtype="bf16"), "--dtype") == "bfloat16"
    tensorrt = command("Qwen/Qwen3-8B", machine(), engine="tensorrt-llm", dtype="bf16")
    assert json.loads(tensorrt.files["tensorrt-llm.yaml"]) == {"dtype": "bfloat16"}
    assert option(command("Qwen/Qwen3-8B", machine(), dtype="fp8"), "--quantization") == "fp8"
    assert "--dtype" not in command("Qwen/Qwen3-8B", machine()).argv


@pytest.mark.parametrize(
    ("engine", "choice", "on", "words"),
    [
        ("transformers", {"context": 4096}, machine(), "takes no --context"),
        ("transformers", {"max_rank": 8}, machine(), "takes no --max-lora-rank"),
        ("transformers", {"served_name": "x"}, machine(), "takes no --served-name"),
        ("transformers", {"tensor_parallel": 2}, machine(2), "takes no --tensor-parallel"),
        ("transformers", {"data_parallel": 2}, machine(2), "serves one copy"),
        ("transformers", {"dtype": "fp8"}, machine(), "makes no fp8"),
        ("tensorrt-llm", {"dtype": "fp8"}, machine(), "makes no fp8"),
        ("tensorrt-llm", {"data_parallel": 2}, machine(2), "serves one copy"),
        ("tensorrt-llm", {"served_name": "x"}, machine(), "takes no --served-name"),
        ("tensorrt-llm", {}, NO_GPU, "needs a GPU"),
        ("vllm", {"dtype": "fp8"}, NO_GPU, "fp8 needs one"),
        ("sglang", {"dtype": "nvfp4"}, NO_GPU, "nvfp4 needs one"),
    ],
)
def test_what_an_engine_cannot_be_told_is_refused(engine: Any, choice: dict[str, Any], on: Machine, words: str):
    with pytest.raises(ConfigError, match=words):
        command("Qwen/Qwen3-8B", on, engine=engine, **choice)


def test_a_checkpoint_of_a_narrow_width_is_not_said_to_be_wide():
    with pytest.raises(ConfigError, match="is stored as fp8"):
        command("x/Qwen3-8B-FP8", machine(), dtype="bf16")


def of_gpu(**changes: Any) -> Machine:
    whole = machine()
    return whole.model_copy(update={"gpus": tuple(gpu.model_copy(update=changes) for gpu in whole.gpus)})


def test_what_is_in_use_of_a_gpu_is_not_counted_on(checkpoint: Path):
    idle = command(str(checkpoint), of_gpu(free_mib=143_000))
    assert (option(idle, "--gpu-memory-utilization"), option(idle, "--max-model-len")) == ("0.9", None)
    shared = command(str(checkpoint), of_gpu(free_mib=60_000))
    assert option(shared, "--gpu-memory-utilization") == "0.41"
    assert any("in use already" in note for note in shared.notes)
    with pytest.raises(ConfigError, match=r"31.6 billion parameters do not fit 1 x NVIDIA H200 \(140 GiB each, much of which is in use\)"):
        command(NANO, of_gpu(free_mib=20_000))


def test_a_gpu_that_tells_no_capability_is_not_said_to_be_too_small():
    with pytest.raises(
        ConfigError, match=r"fits 1 x GRID as bf16 \(compute capability 8\).*does not tell its own: --dtype DTYPE tries one"
    ):
        command(NANO, of_gpu(name="GRID", capability=None))
    assert option(command(NANO, of_gpu(capability=None), dtype="bf16"), "--model") == NANO
    with pytest.raises(ConfigError, match=r"fits 1 x V100 as bf16 .* and the GPU has 7\.0"):
        command(NANO, of_gpu(name="V100", capability="7.0"))


def test_a_name_that_is_no_directory_is_said_to_be_a_hubs(checkpoint: Path):
    assert "models/qwen3-8B is no directory here: it is taken for a hub's name" in command("models/qwen3-8B", machine()).notes
    assert not any("hub" in note for note in command(str(checkpoint), machine()).notes)


def test_a_dry_run_can_be_pasted(tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("harness.serve_commands.this_machine", machine)
    words = [
        "serve",
        str(checkpoint),
        "--engine",
        "tensorrt-llm",
        "--max-lora-rank",
        "8",
        "--dry-run",
        "--log",
        str(tmp_path / "a b/x.log"),
    ]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "{files}" not in shown
    pasted = subprocess.run(
        ["sh", "-e", "-c", shown.replace("trtllm-serve", "echo")], capture_output=True, text=True, check=True
    ).stdout.split(" ")
    yaml = tmp_path / "a b/tensorrt-llm.yaml"
    assert json.loads(yaml.read_text(encoding="utf-8"))["lora_config"]["max_lora_rank"] == 8
    assert " ".join(pasted[pasted.index("--extra_llm_api_options") + 1 :]).strip() == str(yaml)
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["files"]) == {str(yaml)} <= set(told["argv"])


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
