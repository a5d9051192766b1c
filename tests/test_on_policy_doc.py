"""The example of docs/on-policy.md: a real GRPOTrainer, real sandboxes and grades, and a policy that is played."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

import torch

from tests.conftest import MINI
from tests.harness.stub_policy import Conduct, StubPolicy, logprob_of
from trajectories.segments import token_turns
from trajectories.store import read_trajectory

DOC = Path(__file__).parents[1] / "docs" / "on-policy.md"
GROUP = 4
RATE = 0.1
STEPS: tuple[tuple[Conduct, ...], ...] = (
    ("solve", "give_up", "break", "give_up"),
    ("solve", "give_up", "rewrite", "give_up"),
    ("solve", "break", "break", "solve"),
)
"""What the attempts of each step do. The infrastructure fails the third of the first, and two of the last; the third of the second is solved,
but told in tokens that do not fit together."""
REWARDS = ((1.0, 0.0, None, 0.0), (1.0, 0.0, 1.0, 0.0), (1.0, None, None, 1.0))
LEARNED = ((0, 1, 3), (0, 1, 3), (0, 3))


def example() -> dict[str, Any]:
    """What the page's blocks of Python define, read from top to bottom."""
    defined: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOC.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, str(DOC), "exec"), defined)
    return defined


def save_model(directory: Path) -> Path:
    """A few thousand random weights over the policy's vocabulary."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from tests.training.chat_models import CHATML, byte_tokenizer

    tokenizer = byte_tokenizer(None, CHATML)
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, max_position_embeddings=2048,
    ))  # fmt: skip
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def advantages_of(rewards: tuple[float | None, ...]) -> list[float]:
    """GRPO's, over the attempts that have a reward: (r - mean) / (standard deviation + 1e-4)."""
    known = [reward for reward in rewards if reward is not None]
    mean, deviation = statistics.fmean(known), statistics.stdev(known)
    return [0.0 if reward is None else (reward - mean) / (deviation + 1e-4) for reward in rewards]


def after_step(weights: dict[str, Any], model: Any, run: Path, step: int) -> dict[str, Any]:
    """The weights after one step of gradient descent, made from the records on the disk alone: of every turn that is learned from, the
    probability of its answer after its prompt, turn by turn."""
    model.load_state_dict(weights, strict=False)
    model.zero_grad()
    sums, tokens = [], 0
    (task,) = (run / "trials").iterdir()
    for attempt in LEARNED[step]:
        for turn in token_turns(read_trajectory(task / str(attempt))):
            assert turn is not None
            ids = torch.tensor([turn.prompt + turn.completion])
            logprobs = model(input_ids=ids).logits.log_softmax(-1)[0, len(turn.prompt) - 1 : -1]
            sums.append(advantages_of(REWARDS[step])[attempt] * logprobs.gather(1, ids[0, len(turn.prompt) :, None]).sum())
            tokens += len(turn.completion)
    (-sum(sums) / tokens).backward()
    return {name: weights[name] - RATE * weight.grad for name, weight in model.named_parameters()}


def weights_of(model: Any) -> dict[str, Any]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the libraries' own
def test_a_trainer_learns_from_the_models_tokens_of_graded_rollouts_and_from_nothing_else(mini, tmp_path, monkeypatch):
    import trl
    from transformers import AutoModelForCausalLM

    batches: list[dict[str, Any]] = []
    weights: list[dict[str, Any]] = []

    class Recording(trl.GRPOTrainer):
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            weights.append(weights_of(self.model))
            batches.append(super()._generate_and_score_completions(inputs))
            return batches[-1]

    monkeypatch.setattr(trl, "GRPOTrainer", Recording)
    model = save_model(tmp_path / "model")
    server = StubPolicy(mini.tasks, lambda seed: STEPS[seed // 1000][seed % 1000])
    try:
        trainer = example()["train"](
            str(model), server.url, str(MINI), tmp_path, group=GROUP, steps=3, use_cpu=True, bf16=False, logging_steps=1, seed=0,
            optim="sgd", learning_rate=RATE, lr_scheduler_type="constant", max_grad_norm=1e9,
        )  # fmt: skip
    finally:
        server.close()
    weights.append(weights_of(trainer.model))
    runs = sorted((tmp_path / "rollouts").iterdir())
    assert (len(batches), len(runs)) == (3, 3)

    for step, batch in enumerate(batches):
        assert batch["advantages"].tolist() == pytest.approx(advantages_of(REWARDS[step]), abs=1e-6)
        learned = (batch["completion_mask"] * batch["tool_mask"]).bool()
        assert [row for row in range(GROUP) if learned[row].any()] == list(LEARNED[step])
        assert batch["num_items_in_batch"] == learned.sum()
        # What carries loss is what the server says it sampled, with the logprobs that it told.
        assert batch["sampling_per_token_logps"][learned].tolist() == pytest.approx(
            [logprob_of(int(t)) for t in batch["completion_ids"][learned]]
        )
        (task,) = (runs[step] / "trials").iterdir()
        for row in LEARNED[step]:
            turns = [turn for turn in token_turns(read_trajectory(task / str(row))) if turn is not None]
            assert batch["completion_ids"][row][learned[row]].tolist() == [token for turn in turns for token in turn.completion]
            read = batch["prompt_ids"][row][batch["prompt_mask"][row].bool()].tolist()
            read += batch["completion_ids"][row][batch["completion_mask"][row].bool()].tolist()
            assert read == [*turns[-1].prompt, *turns[-1].completion]  # all of it is in the context

    reference = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    for step in (0, 1):
        expected = after_step(weights[step], reference, runs[step], step)
        assert max((weights[step + 1][name] - weights[step][name]).abs().max() for name in expected) > 1e-3
        for name, weight in expected.items():
            torch.testing.assert_close(weights[step + 1][name], weight, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")
    # All that were graded were solved: had a failure counted as 0, this step would have moved the weights.
    assert all(torch.equal(weights[3][name], weights[2][name]) for name in weights[2])

    logged = [line for line in trainer.state.log_history if "rewards/resolved/mean" in line]
    assert [line["rewards/resolved/mean"] for line in logged] == pytest.approx([1 / 3, 1 / 2, 1.0])
    assert [(line.get("left_out/failed"), line.get("left_out/branched")) for line in logged] == [(0.25, None), (None, 0.25), (0.5, None)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_each_steps_adapter_takes_the_place_of_the_last_ones(mini, tmp_path):
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(save_model(tmp_path / "model")), LoraConfig(r=2, target_modules=["q_proj"])
    )
    trainer = SimpleNamespace(save_model=adapted.save_pretrained)
    serve_step = example()["serve_step"]
    server = StubPolicy(mini.tasks, lambda seed: "give_up")
    try:
        first = serve_step(trainer, server.url, tmp_path)
        assert serve_step(trainer, server.url, tmp_path) == first  # a step that changed nothing
        weight = next(weight for name, weight in adapted.named_parameters() if "lora_B" in name)
        weight.data.fill_(0.5)
        second = serve_step(trainer, server.url, tmp_path)
    finally:
        server.close()
    assert first != second
    assert list(server.adapters) == [second]
    stored = load_file(Path(server.adapters[second]) / "adapter_model.safetensors")
    assert any((each == 0.5).all() for each in stored.values())
