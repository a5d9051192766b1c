from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import FILL, TOOLS, answer, family_tokenizer, result, user
from tests.training.tiny_models import write_rows
from training.data_settings import DataSettings, FillInTheMiddleSettings
from training.dataset import Preparation
from training.errors import TrainingError
from training.recipe import find_recipe
from training.rendering import Renderer
from training.rows import ChatRow
from trajectories.export import export
from trajectories.export_card import ExportOptions
from trajectories.recipe import Recipe
from trajectories.selection import select
from trajectories.source import to_line
from trajectories.trajectory import Message, Provenance, ToolCall, Trajectory, Turn, TurnTokens, Usage

NEMOTRON = find_recipe("nemotron-3-nano")
TOKENIZER = family_tokenizer("nemotron-3-nano")


def preparation(*places: Path, **settings: Any) -> Preparation:
    made = DataSettings.model_validate({"train": places, "max_tokens": 10_000, **settings})
    return Preparation(TOKENIZER, NEMOTRON, made, len(TOKENIZER))


def recorded(number: int, *, changed: bool = False) -> Trajectory:
    """A rollout of two turns, the first of which failed, with tokens as a server of this template would tell them."""
    call = ToolCall(id="1", name="bash", arguments=json.dumps({"command": f"cat {number}", "all": True}))
    messages = (
        Message(role="system", content="Repair."),
        Message(role="user", content=f"Repair {number}."),
        Message(role="assistant", reasoning="Hm.", tool_calls=(call,)),
        Message(role="tool", tool_call_id="1", content="contents " * 5),
        Message(role="assistant", reasoning="So.", content="Done."),
    )
    chat = tuple(
        {
            "role": message.role,
            "content": message.content,
            **({"reasoning_content": message.reasoning} if message.reasoning else {}),
            **({"tool_calls": [{"function": {"name": "bash", "arguments": call.arguments}}]} if message.tool_calls else {}),
        }
        for message in messages
    )
    told: list[TurnTokens] = []
    before: list[int] = []
    for turn in Renderer(TOKENIZER, NEMOTRON).turns(ChatRow("", chat, TOOLS, None)):
        prompt, said = (TOKENIZER.encode(text, add_special_tokens=False) for text in (turn.prompt, turn.answer))
        if changed:
            said = [*said[:-1], 5, said[-1]]
        told.append(TurnTokens(shared=len(before), prompt=tuple(prompt[len(before) :]), completion=tuple(said)))
        before = prompt + said
        if changed:
            break
    turns = tuple(
        Turn(
            message_index=at,
            finish_reason="stop",
            usage=Usage(),
            latency_seconds=0,
            tokens=tokens,
            events=("tool_failed",) if at == 2 else (),
        )
        for at, tokens in zip((2, 4), told, strict=False)
    )
    return Trajectory(
        instance_id=f"task-{number}", attempt=0, model="m", sampling={}, tools=TOOLS, messages=messages[: 5 if len(turns) == 2 else 4], turns=turns,
        stop_reason="submitted", started_at="2026-11-20T12:00:00Z", duration_seconds=1, provenance=Provenance(repo="r"),
    )  # fmt: skip


def exported(tmp_path: Path, name: str, trajectories: Sequence[Trajectory], *, masked: bool = False, **options: Any) -> Path:
    source = tmp_path / f"{name}.jsonl"
    source.write_bytes(b"".join(to_line(each) for each in trajectories))
    filters = [{"name": "errored_steps", "events": ["tool_failed"]}] if masked else []
    selection = select([source], Recipe.model_validate({"name": "all", "filters": filters}), made_by="test")
    export(selection, tmp_path / name, ExportOptions.model_validate({"scrub": False, **options}))
    return tmp_path / name


def learned(dataset: Any) -> list[str]:
    return [
        "|".join(TOKENIZER.decode(item.ids[start:end]) for start, end in item.answers if item.learned[start:end].all())
        for item in dataset.items
    ]


def test_what_is_exported_as_conversations_tables_and_tokens_is_one_and_the_same(tmp_path: Path) -> None:
    records = [recorded(number) for number in range(3)]
    made = [
        preparation(exported(tmp_path, name, records, **options)).conversations("train")
        for name, options in (
            ("chat", {"format": "chat"}),
            ("objects", {"format": "chat", "arguments": "objects"}),
            ("table", {"format": "chat", "container": "parquet"}),
            ("tokens", {"format": "tokens"}),
            ("token-table", {"format": "tokens", "container": "parquet"}),
        )
    ]
    assert len({dataset.card.sha256 for dataset in made}) == 1
    assert made[0].card.examples == 3


def test_a_masked_turn_of_the_record_carries_no_loss_in_any_form(tmp_path: Path) -> None:
    records = [recorded(1)]
    for name in ("chat", "tokens"):
        dataset = preparation(exported(tmp_path, name, records, masked=True, format=name)).conversations("train")
        assert learned(dataset) == ["So.\n</think>\nDone.<|im_end|>"]


def test_of_one_record_the_tokens_go_before_the_conversation_which_is_compared_with_them(tmp_path: Path) -> None:
    records = [recorded(number) for number in range(3)]
    chat = exported(tmp_path, "chat", records, format="chat")
    tokens = exported(tmp_path, "tokens", records, format="tokens")
    dataset = preparation(chat, tokens).conversations("train")
    assert dataset.card.examples == 3
    assert dataset.card.left_out == {"the record's own tokens are there": 3}
    trip = dataset.card.round_trip
    assert trip is not None
    assert (trip.compared, trip.same, trip.first_difference) == (3, 3, None)


def test_a_conversation_that_renders_to_other_tokens_is_told_with_the_place(tmp_path: Path) -> None:
    records = [recorded(1, changed=True)]
    chat = exported(tmp_path, "chat", records, format="chat")
    tokens = exported(tmp_path, "tokens", records, format="tokens")
    trip = preparation(chat, tokens).conversations("train").card.round_trip
    assert trip is not None
    assert (trip.compared, trip.same) == (1, 0)
    assert trip.first_difference is not None
    assert "rendered" in trip.first_difference
    assert "told" in trip.first_difference


def test_a_file_that_changed_since_its_card_is_refused(tmp_path: Path) -> None:
    place = exported(tmp_path, "chat", [recorded(1)], format="chat")
    with open(place / "train.jsonl", "a") as file:
        file.write("\n")
    with pytest.raises(TrainingError, match=r"train.jsonl is not what .*card.json tells of"):
        preparation(place).conversations("train")


def long_row(turns: int = 6, size: int = 600) -> dict[str, Any]:
    steps = [part for number in range(turns) for part in (answer(f"Step {number}.", calls=(("bash", "{}"),)), result("x" * size))]
    return {"messages": [user("Go on."), *steps, answer("Done.")]}


def test_a_long_row_is_split_at_turns_and_counted(tmp_path: Path) -> None:
    dataset = preparation(write_rows(tmp_path / "rows.jsonl", [long_row()]), max_tokens=2000).conversations("train")
    assert dataset.card.changed == {"rows split at turns": 1, "pieces of them": 3}
    assert dataset.card.lengths["longest"] <= 2000
    whole = preparation(write_rows(tmp_path / "whole.jsonl", [long_row()])).conversations("train")
    assert dataset.card.learned_tokens == whole.card.learned_tokens
    assert all("Go on." in TOKENIZER.decode(item.ids) for item in dataset.items)
    assert "Done.<|im_end|>" in TOKENIZER.decode(dataset.items[-1].ids), "the end of a trajectory is not cut off"


def test_a_long_row_has_its_observations_cut_and_is_counted(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [long_row(turns=3)])
    dataset = preparation(rows, max_tokens=1500, too_long="cut").conversations("train")
    assert dataset.card.changed == {"conversations with observations cut": 1}
    (item,) = dataset.items
    assert len(item) <= 1500
    text = TOKENIZER.decode(item.ids)
    assert "characters left out" in text
    assert all(f"Step {number}." in text for number in range(3))
    assert text.endswith("Done.<|im_end|>")


def test_a_long_row_is_left_out_and_counted_and_no_row_left_is_an_error(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [long_row(), {"messages": [user("a"), answer("b")]}])
    dataset = preparation(rows, max_tokens=1500, too_long="refuse").conversations("train")
    assert (dataset.card.examples, dataset.card.left_out) == (1, {"longer than data.max_tokens": 1})
    with pytest.raises(TrainingError, match=r"nothing to learn in the train split: 2 rows read; longer than data.max_tokens 2"):
        preparation(rows, max_tokens=10, too_long="refuse").conversations("train")


def test_long_rows_of_tokens_are_dealt_with_alike(tmp_path: Path) -> None:
    (whole,) = preparation(write_rows(tmp_path / "chat.jsonl", [long_row(3)])).conversations("train").items
    row = {"input_ids": whole.ids.tolist(), "loss_mask": whole.learned.astype(int).tolist()}
    rows = write_rows(tmp_path / "rows.jsonl", [row])
    split = preparation(rows, max_tokens=1500).conversations("train")
    assert split.card.changed["rows split at turns"] == 1
    assert split.card.learned_tokens == whole.targets
    cut = preparation(rows, max_tokens=1500, too_long="cut").conversations("train")
    assert cut.card.changed == {"rows of tokens with observations cut": 1}
    assert cut.items[0].targets == whole.targets
    assert "left out" in TOKENIZER.decode(cut.items[0].ids)


def test_fully_masked_rows_are_counted(tmp_path: Path) -> None:
    masked = {"messages": [user("a"), answer("b")], "trained": []}
    zeros = {"input_ids": [1, 2, 3], "loss_mask": [0, 0, 0]}
    rows = write_rows(tmp_path / "rows.jsonl", [masked, zeros, {"messages": [user("a"), answer("b")]}])
    dataset = preparation(rows).conversations("train")
    assert (dataset.card.examples, dataset.card.left_out) == (1, {"nothing to learn in it: fully masked": 2})


def test_a_row_that_the_template_refuses_stops_or_is_counted(tmp_path: Path) -> None:
    broken = {"messages": [user("a"), answer(calls=(("bash", "{"),))]}
    rows = write_rows(tmp_path / "rows.jsonl", [broken, {"messages": [user("a"), answer("b")]}])
    with pytest.raises(TrainingError, match=r"rows.jsonl:1: message 1: the arguments of bash are no JSON object"):
        preparation(rows).conversations("train")
    assert preparation(rows, broken="leave_out").conversations("train").card.left_out == {"refused by the chat template": 1}


def test_a_malformed_call_of_a_masked_turn_is_counted_and_the_rest_learnt(tmp_path: Path) -> None:
    messages = [user("a"), answer(calls=(("bash", "{"), ("bash", "{}"))), result("No."), answer("b")]
    rows = write_rows(tmp_path / "rows.jsonl", [{"messages": messages, "trained": [3]}])
    dataset = preparation(rows).conversations("train")
    assert learned(dataset) == ["b<|im_end|>"]
    assert dataset.card.changed == {"malformed calls of masked turns, rendered with {}": 1}


def test_rows_that_an_unstable_template_makes_are_told_or_refused(tmp_path: Path) -> None:
    qwen = family_tokenizer("qwen3")
    rows = write_rows(tmp_path / "rows.jsonl", [{"messages": [user("a"), answer(calls=(("bash", "{}"),)), result("r"), answer("b")]}])
    settings = DataSettings(train=(rows,), max_tokens=5000)
    made = Preparation(qwen, find_recipe("qwen3"), settings, len(qwen)).conversations("train")
    assert made.card.changed == {"conversations rendered in another way once it is history": 1, "rows of them": 2}
    refusing = Preparation(qwen, find_recipe("qwen3"), settings.model_copy(update={"unstable": "refuse"}), len(qwen))
    with pytest.raises(TrainingError, match="rendered in another way once it is history 1"):
        refusing.conversations("train")


def test_tokens_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    for wrong, told in ((99999, "from 1 to 99999"), (-3, "from -3 to 1")):
        rows = write_rows(tmp_path / "rows.jsonl", [{"input_ids": [1, wrong], "loss_mask": [0, 1]}])
        with pytest.raises(
            TrainingError, match=f"ids {told}, and the model knows 0 to {len(TOKENIZER) - 1}: the tokens are another model's"
        ):
            preparation(rows).conversations("train")


def test_a_row_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="row 1 is text; chat or tokens is needed here"):
        preparation(write_rows(tmp_path / "rows.jsonl", [{"text": "a"}])).conversations("train")


def test_arguments_that_a_table_has_filled_with_nulls_are_refused(tmp_path: Path) -> None:
    """What `Dataset.from_list` makes of calls with other names: every call has all of them."""
    import pyarrow
    import pyarrow.parquet as parquet

    calls = [[{"function": {"name": "bash", "arguments": {"command": "ls"}}}], [{"function": {"name": "view", "arguments": {"path": "a"}}}]]
    rows = [{"messages": [user("a"), {"role": "assistant", "content": "", "tool_calls": each}]} for each in calls]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert "path" in parquet.read_table(tmp_path / "rows.parquet").to_pylist()[0]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    with pytest.raises(TrainingError, match="a table fills arguments that are objects"):
        preparation(tmp_path / "rows.parquet").conversations("train")
    same = preparation(write_rows(tmp_path / "rows.jsonl", rows)).conversations("train")
    assert "None" not in "".join(TOKENIZER.decode(item.ids) for item in same.items)


def test_texts_are_learnt_whole_each_ended_and_long_ones_in_pieces(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [{"text": "const a = 1;"}, {"text": "x" * 250}])
    dataset = preparation(rows, max_tokens=100).texts("train", None, 0)
    texts = [TOKENIZER.decode(item.ids) for item in dataset.items]
    assert texts == ["const a = 1;<|endoftext|>", "x" * 100, "x" * 100, "x" * 50 + "<|endoftext|>"]
    assert all(item.learned[1:].all() for item in dataset.items)
    assert dataset.card.changed == {"documents split": 1, "pieces of them": 3}


def test_a_part_of_the_texts_is_filled_in_the_middle_by_the_seed(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [{"text": f"const a{number} = {number};"} for number in range(200)])
    middle = FillInTheMiddleSettings(rate=0.5)
    made = [preparation(rows).texts("train", middle, seed) for seed in (0, 0, 1)]
    count = made[0].card.changed["documents with fill-in-the-middle"]
    assert 70 < count < 130
    assert made[0].card.sha256 == made[1].card.sha256 != made[2].card.sha256
    second = sum(TOKENIZER.decode(item.ids[:2]) == "<|fim_prefix|><|fim_suffix|>" for item in made[0].items)
    assert 0.3 * count < second < 0.75 * count


def test_every_piece_of_a_long_text_has_all_marks_or_none(tmp_path: Path) -> None:
    texts = [{"text": "".join(f"const a{line} = {number};\n" for line in range(number))} for number in range(1, 41)]
    rows = write_rows(tmp_path / "rows.jsonl", texts)
    dataset = preparation(rows, max_tokens=100).texts("train", FillInTheMiddleSettings(rate=0.5), 0)
    found = [[mark in TOKENIZER.decode(item.ids) for mark in FILL] for item in dataset.items]
    assert all(marks in ([True] * 3, [False] * 3) for marks in found)
    apart = [item for item, marks in zip(dataset.items, found, strict=True) if any(marks)]
    assert len(apart) > dataset.card.changed["documents with fill-in-the-middle"]
    assert all(len(item) <= 100 and int(item.ids[-1]) == TOKENIZER.eos_token_id for item in apart)
    refused = preparation(rows, max_tokens=100, too_long="refuse").texts("train", FillInTheMiddleSettings(rate=0.5), 0)
    assert refused.card.examples + refused.card.left_out["longer than data.max_tokens"] == 40


def pair_row(size: int = 10) -> dict[str, Any]:
    return {
        "prompt": [user("Why?")],
        "chosen": [answer(calls=(("bash", "{}"),)), result("x" * size), answer("Good.")],
        "rejected": [answer("Bad.")],
    }


def test_pairs_that_do_not_fit_are_left_out_once_or_cut(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [pair_row(), pair_row(2000)])
    refused = preparation(rows, max_tokens=900, too_long="refuse").pairs("train")
    assert (len(refused.items), refused.card.left_out) == (1, {"longer than data.max_tokens": 1})
    cut = preparation(rows, max_tokens=900, too_long="cut").pairs("train")
    assert len(cut.items) == 2
    assert cut.card.changed == {"conversations with observations cut": 1}
    with pytest.raises(TrainingError, match=r"longer than data.max_tokens 2"):
        preparation(rows, max_tokens=20, too_long="refuse").pairs("train")


def test_exported_pairs_are_read(tmp_path: Path) -> None:
    """As rows and as a table."""
    import pyarrow.parquet as parquet

    from trajectories.tables import TableWriter

    names = ("role", "content", "reasoning_content", "tool_calls", "tool_call_id")
    sides = {
        side: [{name: message.get(name) for name in names} for message in messages]
        for side, messages in {"prompt": [user("a")], "chosen": [answer("b")], "rejected": [answer("c")]}.items()
    }
    writer = TableWriter(tmp_path / "train.parquet", "pairs")
    writer.add({**sides, "tools": list(TOOLS), "shared_turns": 0, "instance_id": "i", "repo": "r", "chosen_of": None, "rejected_of": None})
    writer.close()
    assert parquet.read_table(tmp_path / "train.parquet").num_rows == 1
    table = preparation(tmp_path, too_long="refuse").pairs("train")
    lines = preparation(write_rows(tmp_path / "lines.jsonl", [{**sides, "tools": list(TOOLS)}]), too_long="refuse").pairs("train")
    assert table.card.sha256 == lines.card.sha256
