from __future__ import annotations

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.experts import Experts  # noqa: E402
from training.four_bits import FourBitLinear, FourBits  # noqa: E402
from training.loss import logits_of, loss_of, token_logprobs_of  # noqa: E402
from training.model import attach_adapters, load_base, random_base  # noqa: E402
from training.recipe import find_recipe  # noqa: E402

EVERY = ("attention", "mamba", "mamba_out", "shared_experts", "experts")
FAMILIES = ("qwen3", "qwen3_moe", "llama", "smollm3")

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


@pytest.fixture
def nemotron(nemotron_config, stir):
    def make(precision="fp32", *, targets=EVERY, mamba="plain", keep="experts", seed=0):
        model = random_base(nemotron_config(), BaseSettings(path="random", precision=precision, mamba=mamba, keep=keep), "cpu", seed)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.data *= 3  # so that each layer changes the loss by more than rounding does
        if targets:
            attach_adapters(model, find_recipe("nemotron-3-nano"), AdapterSettings(targets=targets, rank=4, ranks={targets[-1]: 2}))
            stir(model)
        return model

    return make


def reference(model, batch):
    """The summed loss by transformers' own forward pass over one document."""
    out = model(input_ids=batch.input_ids, use_cache=False).logits[0, :-1].float()
    return torch.nn.functional.cross_entropy(out, batch.labels[0, 1:], reduction="sum", ignore_index=-100)


def gradients(model, batch):
    model.zero_grad()
    loss, count = loss_of(model, batch)
    (loss / count).backward()
    return loss.detach(), {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
def test_the_trained_path_is_the_function_that_generates(nemotron, packed_row, precision):
    model = nemotron(precision)
    batch = packed_row(37)
    loss, count = loss_of(model, batch)
    assert count == 36
    tolerance = 1e-5 if precision == "fp32" else 5e-3  # bf16 beside the 4 bits
    torch.testing.assert_close(loss.detach(), reference(model, batch), rtol=tolerance, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_ordinary_transformers_train_on_the_function_that_generates(ordinary_config, packed_row, family):
    model = random_base(ordinary_config(family), BaseSettings(path="random", precision="fp32"), "cpu")
    batch = packed_row(37)
    torch.testing.assert_close(loss_of(model, batch)[0], reference(model, batch), rtol=1e-5, atol=0)


@pytest.mark.parametrize("family", ["nemotron_h", *FAMILIES])
def test_packed_documents_are_what_they_are_alone(nemotron, ordinary_config, packed_row, stir, family):
    if family == "nemotron_h":
        model = nemotron()
    else:
        model = random_base(ordinary_config(family), BaseSettings(path="random", precision="fp32"), "cpu")
        attach_adapters(model, find_recipe("qwen3" if "qwen" in family else family), AdapterSettings(rank=4))
        stir(model)
    together = packed_row(11, 23, 2, 18)
    loss, of_all = gradients(model, together)
    total, count, summed = 0.0, 0, dict.fromkeys(of_all, 0.0)
    start = 0
    for length in (11, 23, 2, 18):
        part = slice(start, start + length)
        alone = type(together)(together.input_ids[:, part], together.labels[:, part], together.position_ids[:, part])
        torch.testing.assert_close(
            token_logprobs_of(model, alone), token_logprobs_of(model, together)[count : count + length - 1], rtol=1e-5, atol=1e-5
        )
        one, its = gradients(model, alone)
        total, count, start = total + one, count + length - 1, start + length
        summed = {name: summed[name] + its[name] * (length - 1) for name in summed}
    torch.testing.assert_close(loss, total, rtol=1e-5, atol=1e-5)
    for name, gradient in of_all.items():
        torch.testing.assert_close(gradient, summed[name] / count, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("keep", ["least", "most"])
@pytest.mark.parametrize("mamba", ["plain", "compiled"])
def test_what_is_kept_and_how_it_scans_change_no_number(nemotron, packed_row, mamba, keep):
    batch = packed_row(30, 41, share=0.4)
    wanted_loss, wanted = gradients(nemotron(), batch)
    loss, found = gradients(nemotron(mamba=mamba, keep=keep), batch)
    torch.testing.assert_close(loss, wanted_loss, rtol=1e-5, atol=0)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.skipif("not __import__('importlib.util').util.find_spec('mamba_ssm')", reason="mamba-ssm is not installed")
def test_the_kernels_of_mamba_ssm_agree_where_they_are_installed(nemotron, packed_row):
    batch = packed_row(30, 41)
    wanted, _ = loss_of(nemotron(), batch)
    found, _ = loss_of(nemotron(mamba="mamba_ssm"), batch)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)


def test_a_row_filled_up_for_the_compiler_has_the_loss_it_had(nemotron, packed_row):
    model, batch = nemotron(), packed_row(30, 41)
    wanted, _ = loss_of(model, batch)
    model.padded_to = 64
    torch.testing.assert_close(loss_of(model, batch)[0], wanted, rtol=1e-6, atol=0)


def test_the_limits_of_dt_are_those_the_weights_were_trained_with(nemotron, packed_row):
    model, batch = nemotron(targets=()), packed_row(40)
    mixers = [layer.mixer for layer in model.model.layers if layer.block_type == "linear_attention"]
    assert [mixer.time_step_limit for mixer in mixers] == [(0.0, float("inf"))] * 2
    for mixer in mixers:
        mixer.dt_bias.data.fill_(-12.0)  # steps far below time_step_min, as trained models have
    wanted, _ = loss_of(model, batch)
    torch.testing.assert_close(wanted, reference(model, batch), rtol=1e-5, atol=0)
    for mixer in mixers:
        mixer.time_step_limit = (0.1, float("inf"))
    assert abs(loss_of(model, batch)[0] - wanted) > 1e-3


def test_losses_log_probabilities_and_logits_are_one_thing(nemotron, packed_row):
    model, batch = nemotron(), packed_row(20, 31, share=0.5)
    loss, count = loss_of(model, batch)
    each = token_logprobs_of(model, batch)
    assert each.shape == (count,)
    assert each.dtype == torch.float32
    torch.testing.assert_close(-each.sum(), loss, rtol=1e-5, atol=0)
    learnt = batch.labels[batch.labels >= 0]
    of_logits = logits_of(model, batch).log_softmax(-1).gather(1, learnt[:, None])[:, 0]
    torch.testing.assert_close(of_logits, each, rtol=1e-5, atol=1e-5)
    with_logits = torch.autograd.grad(-each.sum(), [p for p in model.parameters() if p.requires_grad])
    for mine, true in zip(gradients(model, batch)[1].values(), with_logits, strict=True):
        torch.testing.assert_close(mine * count, true, rtol=1e-4, atol=1e-5)


def test_a_row_without_loss_costs_nothing_and_gives_zero(nemotron, packed_row):
    loss, count = loss_of(nemotron(), packed_row(12, share=0.0))
    assert (loss.item(), count) == (0.0, 0)
    loss.backward()


@pytest.fixture
def saved(nemotron_config, tmp_path):
    """A checkpoint as the hub holds it: one tensor for each expert, under `backbone`, in two files."""
    from transformers import NemotronHForCausalLM

    torch.manual_seed(0)
    model = NemotronHForCausalLM(nemotron_config())
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data *= 3
    model.save_pretrained(tmp_path / "base", max_shard_size="200KB")
    names = json.loads((tmp_path / "base/model.safetensors.index.json").read_text())["weight_map"]
    assert any(".experts.3.up_proj" in name for name in names)
    assert len(set(names.values())) > 1
    return model, tmp_path / "base"


def test_a_checkpoint_is_read_as_transformers_reads_it(saved, packed_row):
    model, directory = saved
    base = load_base(BaseSettings(path=str(directory), precision="fp32"), find_recipe("nemotron-3-nano"), "cpu")
    batch = packed_row(33)
    for mixer in (layer.mixer for layer in model.model.layers if layer.block_type == "linear_attention"):
        mixer.time_step_limit = (0.0, float("inf"))
    torch.testing.assert_close(loss_of(base, batch)[0], reference(model, batch).detach(), rtol=1e-5, atol=0)
    assert not any(parameter.requires_grad for parameter in base.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_ordinary_checkpoints_are_read_as_transformers_reads_them(ordinary_config, packed_row, tmp_path, family):
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(ordinary_config(family)).save_pretrained(tmp_path / "base")
    base = load_base(BaseSettings(path=str(tmp_path / "base"), precision="fp32"), None, "cpu")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    torch.testing.assert_close(loss_of(base, packed_row(21))[0], reference(model, packed_row(21)).detach(), rtol=1e-5, atol=0)


def test_a_base_in_four_bits_holds_linear_layers_and_experts_so_and_the_rest_whole(saved, packed_row):
    _, directory = saved
    base = load_base(BaseSettings(path=str(directory), precision="nf4"), find_recipe("nemotron-3-nano"), "cpu")
    kinds = {name.rsplit(".", 1)[-1]: module for name, module in base.named_modules() if isinstance(module, FourBitLinear)}
    assert set(kinds) == {"in_proj", "out_proj", "q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"}
    assert not isinstance(base.lm_head, FourBitLinear)
    experts = [module for module in base.modules() if isinstance(module, Experts)]
    assert len(experts) == 2
    assert not any(True for one in experts for _ in one.parameters())
    exact = load_base(BaseSettings(path=str(directory), precision="fp32"), find_recipe("nemotron-3-nano"), "cpu")
    far = abs(loss_of(base, packed_row(40))[0] / loss_of(exact, packed_row(40))[0] - 1)
    assert 0 < far < 0.1


def test_a_gated_mixture_in_four_bits_is_the_function_that_generates_from_its_stored_levels(ordinary_config, packed_row, stir, tmp_path):
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(ordinary_config("qwen3_moe"), dtype=torch.bfloat16).save_pretrained(tmp_path)
    base = load_base(BaseSettings(path=str(tmp_path), precision="nf4"), find_recipe("qwen3"), "cpu")
    experts = [module for module in base.modules() if isinstance(module, Experts)]
    assert len(experts) == 2
    assert not any(True for one in experts for _ in one.parameters())
    stored = load_file(tmp_path / "model.safetensors")
    parts = [stored[f"model.layers.1.mlp.experts.3.{part}.weight"] for part in ("gate_proj", "up_proj")]
    exact = FourBits(torch.cat(parts)).dense(torch.bfloat16)
    assert torch.equal(experts[1].dense("gate_up_proj", torch.bfloat16)[3], exact)
    attach_adapters(base, find_recipe("qwen3"), AdapterSettings(targets=("attention", "experts"), rank=4))
    stir(base)
    batch = packed_row(37)
    loss, found = gradients(base, batch)
    torch.testing.assert_close(loss, reference(base, batch).detach(), rtol=5e-3, atol=0)
    assert all(bool(gradient.any()) for gradient in found.values())


MEMORY = """
import sys, threading, torch
from training.base_settings import BaseSettings
from training.model import load_base

directory = sys.argv[1]

def held():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines["RssAnon"].split()[0]) // 1024

largest, done = 0, threading.Event()

def watch():
    global largest
    while not done.wait(0.002):
        largest = max(largest, held())

load_base(BaseSettings(path=f"{directory}/small", precision="nf4"), None, "cpu")  # what is imported on the way
thread = threading.Thread(target=watch)
thread.start()
base = load_base(BaseSettings(path=f"{directory}/whole", precision="nf4"), None, "cpu")
done.set()
thread.join()
print(largest - held())
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_host_memory_holds_one_layer_at_a_time(tmp_path):
    """Eight layers of experts of 25 MB each in bf16, 200 MB in all; a quantised layer's own working memory is some 45 MB."""
    save_experts(tmp_path / "small", layers=1, experts=2)
    save_experts(tmp_path / "whole", layers=8, experts=96)
    done = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 110


def save_experts(directory, *, layers, experts):
    from transformers import NemotronHConfig, NemotronHForCausalLM

    config = NemotronHConfig(
        vocab_size=96, hidden_size=256, layers_block_type=["full_attention"] + ["moe"] * layers, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, intermediate_size=64, mamba_num_heads=8, mamba_head_dim=8, n_groups=2, ssm_state_size=16,
        n_routed_experts=experts, num_experts_per_tok=2, moe_intermediate_size=256, moe_shared_expert_intermediate_size=64,
    )  # fmt: skip
    with torch.device("meta"):
        model = NemotronHForCausalLM(config)
    model.to_empty(device="cpu").to(torch.bfloat16)
    for parameter in model.parameters():
        parameter.data.uniform_(-1, 1)
    model.save_pretrained(directory)


@pytest.mark.parametrize("file", ["config.json", "hf_quant_config.json"])
def test_a_base_that_modelopt_quantised_is_refused(saved, file):
    _, directory = saved
    if file == "config.json":
        config = json.loads((directory / file).read_text())
        (directory / file).write_text(json.dumps(config | {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}))
    else:
        (directory / file).write_text("{}")
    with pytest.raises(TrainingError, match=r"ModelOpt.*bf16 checkpoint"):
        load_base(BaseSettings(path=str(directory)), None, "cpu")


def test_what_cannot_be_loaded_is_one_line_that_says_so(saved, tmp_path):
    _, directory = saved
    recipe = find_recipe("nemotron-3-nano")
    with pytest.raises(TrainingError, match="no such directory"):
        load_base(BaseSettings(path=str(tmp_path / "none")), recipe, "cpu")
    with pytest.raises(TrainingError, match="recipe 'llama' is for llama"):
        load_base(BaseSettings(path=str(directory)), find_recipe("llama"), "cpu")
    with pytest.raises(TrainingError, match="mamba-ssm"):
        load_base(BaseSettings(path=str(directory), mamba="mamba_ssm"), recipe, "cpu")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | {"hidden_size": 32}))
    with pytest.raises(TrainingError, match=r"config\.json makes it"):
        load_base(BaseSettings(path=str(directory)), recipe, "cpu")
    (directory / "config.json").write_text(json.dumps(config))
    next(directory.glob("*.safetensors")).unlink()
    with pytest.raises(TrainingError, match="is missing; fetch the whole checkpoint"):
        load_base(BaseSettings(path=str(directory)), recipe, "cpu")
