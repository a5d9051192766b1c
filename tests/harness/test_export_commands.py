from __future__ import annotations

import shutil

import pytest

pytest.importorskip("torch")

from harness.cli import main

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A base and an adapter of it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.training.chat_models import byte_tokenizer
    from training.base_settings import AdapterSettings, BaseSettings
    from training.model import attach_adapters, load_base, save_adapter
    from training.recipe import find_recipe

    tokenizer = byte_tokenizer(None, [])
    place = tmp_path_factory.mktemp("export")
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(place / "base")
    tokenizer.save_pretrained(place / "base")
    model = load_base(BaseSettings(path=str(place / "base"), precision="fp32"), find_recipe("llama"), "cpu")
    attach_adapters(model, find_recipe("llama"), AdapterSettings(rank=4))
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.05)
    save_adapter(model, place / "adapter")
    return place


def test_an_adapter_is_written_in_vllms_layout(files, tmp_path, capsys):
    assert main(["export", "adapter", str(files / "adapter"), "--output", str(tmp_path / "out")]) == 0
    assert "14 pairs" in capsys.readouterr().out.replace("\n", " ")
    assert (tmp_path / "out/adapter_model.safetensors").is_file()


def test_a_merge_says_how_far_it_is_from_base_and_adapter(files, tmp_path, capsys):
    arguments = ["export", "merge", str(files / "adapter"), "--base", str(files / "base"), "--fp32", "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "nats a token" in capsys.readouterr().out.replace("\n", " ")
    assert main(arguments) == 2
    assert "is not empty" in capsys.readouterr().err.replace("\n", " ")


def test_what_is_no_adapter_is_refused_in_one_line(tmp_path, capsys):
    assert main(["export", "adapter", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "not an adapter" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("name", "content", "options", "complaint"),
    [
        ("probe", None, ["--probe", "{}/probe"], "probe: not a text to compare on: [Errno 2]"),
        ("probe", b"", ["--probe", "{}/probe"], "too short to compare on (0 tokens)"),
        ("probe", b"a", ["--probe", "{}/probe"], "too short to compare on (1 tokens)"),
        ("probe", b"\xff\xfe\xff", ["--probe", "{}/probe"], "probe: not a text to compare on: 'utf-8' codec"),
        ("probe", b"", ["--probe", "{}"], "not a text to compare on"),
        ("out", b"", [], "out is a file; give a new directory"),
        ("adapter/adapter_model.safetensors", 200, [], "not an adapter in PEFT's layout"),
        ("base/model.safetensors", 200, [], "not a checkpoint whose tensors can be read"),
        ("base/config.json", b"{}", [], "of another base"),
        ("probe", b"", ["--device", "foo"], "there is no device 'foo'"),
        ("probe", b"", ["--device", "mps"], "there is no device 'mps'"),
        ("probe", b"", ["--device", "cuda:99"], "torch finds no such GPU"),
    ],
)
def test_wrong_input_of_a_merge_is_one_line_and_leaves_nothing(files, tmp_path, capsys, name, content, options, complaint):
    for part in ("base", "adapter"):
        shutil.copytree(files / part, tmp_path / part)
    if isinstance(content, int):
        content = (tmp_path / name).read_bytes()[:content]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    words = ["export", "merge", str(tmp_path / "adapter"), "--base", str(tmp_path / "base"), "--fp32", "--output", str(tmp_path / "out")]
    assert main([*words, *(option.format(tmp_path) for option in options)]) == 2
    assert complaint in capsys.readouterr().err.replace("\n", " ")
    assert sorted(tmp_path.rglob("*")) == before
