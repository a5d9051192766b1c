from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from tests.training.chat_models import TOOLS, answer, result, user
from tests.training.tiny_models import write_rows
from training.adapters import held_adapters
from training.bins import to_batch
from training.config import DpoConfig, PreferenceSettings
from training.dpo import Preference, SideSums, dpo_loss, orpo_loss, side_sums, train_dpo
from training.loss import token_logprobs_of
from training.model import adapters_off
from training.prepared import open_model, read_data
from training.processes import Processes
from training.record import read_metrics

Settings = Callable[..., dict[str, Any]]

PAIR = {
    "prompt": [user("Why?")],
    "chosen": [
        answer(thinking="Hm.", calls=(("bash", '{"command": "ls"}'),)),
        result("a.ts, which is long"),
        answer("Good.", thinking="So."),
    ],
    "rejected": [answer(thinking="Hm.", calls=(("bash", '{"command": "rm"}'),)), result("gone"), answer("Bad, and sad.", thinking="Oh.")],
    "tools": list(TOOLS),
}


def opened(settings: dict[str, Any]) -> tuple[DpoConfig, Any, Any, Any]:
    config = DpoConfig.model_validate(settings)
    family, train, _ = read_data(config, lambda preparation, split: preparation.pairs(split))
    model, _ = open_model(config, family, Processes(), lambda line: None)
    torch.manual_seed(1)
    with torch.no_grad():  # else the policy is the reference, and nothing is to be seen
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(0.0, 0.05)
    return config, family, train, model


def log_probability(model: Any, ids: torch.Tensor, learned: list[bool]) -> float:
    """By hand, from the logits of the whole sequence alone: of each token given those before it, where it is learnt."""
    logits = model(input_ids=ids[None]).logits[0].double()
    return sum(float(logits[at - 1].log_softmax(-1)[ids[at]]) for at in range(1, len(ids)) if learned[at])


@pytest.mark.parametrize("family", ["qwen3", "nemotron_h"])
def test_the_loss_is_that_of_the_definition_with_tool_outputs_masked(
    family: str, request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "pairs.jsonl", [PAIR])
    made = settings(
        request.getfixturevalue(family),
        rows,
        data={"too_long": "refuse", "max_tokens": 2000},
        packing={"tokens": 4000},
        preference={"beta": 0.3},
    )
    config, read, train, model = opened(made)
    (pair,) = train.items
    model.eval()
    by_hand = {}
    with torch.no_grad():
        for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected)):
            (document,) = side
            ids = torch.from_numpy(document.ids).long()
            policy = log_probability(model, ids, document.learned.tolist())
            with adapters_off(model):
                reference = log_probability(model, ids, document.learned.tolist())
            by_hand[name] = policy - reference
    wanted = math.log1p(math.exp(-0.3 * (by_hand["chosen"] - by_hand["rejected"])))
    model.train()
    objective = Preference(train, None, config.preference, budget=config.packing.tokens, seed=0)
    loss, watched = objective.loss(model, (pair,), torch.device("cpu"))
    assert float(loss.detach()) == pytest.approx(wanted, rel=1e-4)
    assert watched["accuracy"] == float(by_hand["chosen"] > by_hand["rejected"])
    text = "".join(read.tokenizer.decode(document.ids[document.learned]) for document in pair.documents)
    assert "a.ts" not in text
    assert "gone" not in text
    assert "Why?" not in text
    assert "Good.<|im_end|>" in text
    assert "rm" in text


def test_the_loss_of_a_row_of_several_pairs_is_the_sum_of_theirs(qwen3: Path, settings: Settings, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "pairs.jsonl", [PAIR, {**PAIR, "chosen": PAIR["rejected"], "rejected": PAIR["chosen"]}])
    config, _, train, model = opened(settings(qwen3, rows, data={"too_long": "refuse"}, packing={"tokens": 8000}))
    objective = Preference(train, None, config.preference, budget=config.packing.tokens, seed=0)
    one, other = (objective.loss(model, (pair,), torch.device("cpu"))[0] for pair in train.items)
    both, _ = objective.loss(model, train.items, torch.device("cpu"))
    assert float(both.detach()) == pytest.approx(float((one + other).detach()), rel=1e-5)
    assert len(objective.rows(0)) == 1


def test_only_what_comes_after_the_prompt_is_compared(qwen3: Path, settings: Settings, tmp_path: Path) -> None:
    shared = {**PAIR, "prompt": [*PAIR["prompt"], *PAIR["chosen"][:2]], "chosen": PAIR["chosen"][2:], "rejected": PAIR["rejected"][2:]}
    rows = write_rows(tmp_path / "pairs.jsonl", [shared])
    _, read, train, _ = opened(settings(qwen3, rows, data={"too_long": "refuse"}))
    text = read.tokenizer.decode(train.items[0].chosen[0].ids[train.items[0].chosen[0].learned])
    assert text == "<think>\nSo.\n</think>\n\nGood.<|im_end|>"


def sums(chosen: float, rejected: float, chosen_tokens: int, rejected_tokens: int) -> SideSums:
    values = (chosen, rejected, chosen_tokens, rejected_tokens)
    return SideSums(*(torch.tensor([float(value)], dtype=torch.float64) for value in values))


def test_dpo_with_smoothing_and_the_chosen_answers_own_loss() -> None:
    policy, reference = sums(-4.0, -6.0, 4, 3), sums(-5.0, -5.5, 4, 3)
    settings = PreferenceSettings(beta=0.5, label_smoothing=0.1, sft_weight=2.0)
    margin = 0.5 * ((-4 + 5) - (-6 + 5.5))
    wanted = 0.9 * math.log1p(math.exp(-margin)) + 0.1 * math.log1p(math.exp(margin)) + 2.0 * 1.0
    assert float(dpo_loss(policy, reference, settings)) == pytest.approx(wanted)


def test_orpo_is_that_of_its_definition() -> None:
    def odds(mean: float) -> float:
        return math.exp(mean) / (1 - math.exp(mean))

    ratio = odds(-4 / 4) / odds(-6 / 3)
    wanted = 1.0 - 0.2 * math.log(1 / (1 + 1 / ratio))
    assert float(orpo_loss(sums(-4.0, -6.0, 4, 3), PreferenceSettings(loss="orpo", beta=0.2))) == pytest.approx(wanted)


@pytest.mark.parametrize("loss", ["dpo", "orpo"])
def test_pairs_are_told_apart_after_a_few_steps(loss: str, qwen3: Path, settings: Settings, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "pairs.jsonl", [PAIR])
    made = settings(
        qwen3,
        rows,
        data={"too_long": "refuse"},
        packing={"tokens": 2400},
        length={"steps": 6, "rows_per_step": 1},
        preference={"loss": loss},
    )
    train_dpo(DpoConfig.model_validate(made), Processes(), say=lambda line: None, report=lambda report: None)
    lines = read_metrics(tmp_path / "run")
    if loss == "dpo":
        assert lines[0]["loss"] == pytest.approx(math.log(2), rel=1e-5)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["watched"]["accuracy"] == 1.0
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").is_file()


def test_dpo_that_goes_on_from_an_adapter_is_against_the_model_with_it(qwen3: Path, settings: Settings, tmp_path: Path) -> None:
    """The first margin is 0 and later ones are those of the definition, by hand, with the starting adapter on: also after it was taken up again."""
    other = {**PAIR, "chosen": PAIR["rejected"], "rejected": PAIR["chosen"]}
    rows = write_rows(tmp_path / "pairs.jsonl", [PAIR])
    common = {"data": {"too_long": "refuse"}, "length": {"steps": 3, "rows_per_step": 1}, "checkpoints": {"every_steps": 2, "keep": 9}}
    quiet = {"say": lambda line: None, "report": lambda report: None}
    first = settings(qwen3, write_rows(tmp_path / "first.jsonl", [other]), output=str(tmp_path / "first"), **common)
    train_dpo(DpoConfig.model_validate(first), Processes(), **quiet)
    start = tmp_path / "first/adapter"
    config = DpoConfig.model_validate(settings(qwen3, rows, adapters={"start": str(start)}, preference={"beta": 0.3}, **common))
    train_dpo(config, Processes(), **quiet)
    lines = read_metrics(tmp_path / "run")
    assert lines[0]["loss"] == pytest.approx(math.log(2), rel=1e-5)
    assert (lines[0]["watched"]["reward_chosen"], lines[0]["watched"]["reward_rejected"]) == (0.0, 0.0)

    # The loss of the third step is of the weights after the second.
    _, train, _ = read_data(config, lambda preparation, split: preparation.pairs(split))
    (pair,) = train.items
    sums: dict[str, list[float]] = {}
    for name in ("start", "second"):
        bare = config.model_copy(update={"adapters": config.adapters.model_copy(update={"start": start})})
        model, _ = open_model(bare, read_data(config, lambda made, split: made.pairs(split))[0], Processes(), lambda line: None)
        if name == "second":
            state = torch.load(tmp_path / "run/checkpoints/step-000002/state.pt", weights_only=True)
            with torch.no_grad():
                for key, parameter in model.named_parameters():
                    if key in state["parameters"]:
                        parameter.copy_(state["parameters"][key])
        model.eval()
        with torch.no_grad():
            sums[name] = [
                log_probability(model, torch.from_numpy(side[0].ids).long(), side[0].learned.tolist())
                for side in (pair.chosen, pair.rejected)
            ]
    margin = 0.3 * ((sums["second"][0] - sums["start"][0]) - (sums["second"][1] - sums["start"][1]))
    assert lines[2]["loss"] == pytest.approx(math.log1p(math.exp(-margin)), rel=1e-4)
    assert margin > 0.01

    shutil.rmtree(tmp_path / "run/checkpoints/step-000003")
    train_dpo(config, Processes(), **quiet)
    assert read_metrics(tmp_path / "run")[2]["loss"] == lines[2]["loss"]


@pytest.mark.parametrize("family", ["qwen3", "nemotron_h"])
def test_the_gradient_is_of_the_model_as_it_is_and_not_of_its_reference(
    family: str, request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> None:
    """Layers are run again for the backward pass, when the reference's weights have been in their place."""
    rows = write_rows(tmp_path / "pairs.jsonl", [PAIR])
    made = settings(request.getfixturevalue(family), rows, data={"too_long": "refuse", "max_tokens": 2000}, packing={"tokens": 4000})
    config, _, train, model = opened(made)
    held = held_adapters(model)
    parameters = {name: each for name, each in model.named_parameters() if each.requires_grad}
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.mul_(1.3)
    device = torch.device("cpu")
    objective = Preference(train, None, config.preference, budget=config.packing.tokens, seed=0, reference=held)
    objective.loss(model, train.items, device)[0].backward()
    found = {name: each.grad.clone() for name, each in parameters.items()}

    batch = to_batch([document for pair in train.items for document in pair.documents], device)
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.div_(1.3)
        reference = side_sums(token_logprobs_of(model, batch), train.items)
        for parameter in parameters.values():
            parameter.mul_(1.3)
            parameter.grad = None
    dpo_loss(side_sums(token_logprobs_of(model, batch), train.items), reference, config.preference).sum().backward()
    for name, parameter in parameters.items():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-2, atol=1e-4)
    assert max(float(each.abs().max()) for each in found.values()) > 0.01
