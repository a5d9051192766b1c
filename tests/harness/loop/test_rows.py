"""What a round is trained on: its own, a share of what was before it, and nothing twice."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.loop.config import Rows
from harness.loop.rows import RoundRows, choose_rows
from leaderboard.anatomy import Outcome
from tests.leaderboard.synthetic import make_trajectory, write_run
from trajectories.errors import TrajectoryError
from trajectories.store import RunStore
from trajectories.trajectory import TurnTokens

TASKS = ("sums", "routes", "spans", "cache")
REPOSITORIES = {task: f"repo-{task}" for task in TASKS}


def run_of(place: Path, outcomes: Sequence[Outcome] = ("resolved",), *, seed: int, tasks: Sequence[str] = TASKS, model: str = "m") -> Path:
    return write_run(place, model=model, outcomes=dict.fromkeys(tasks, outcomes), seed=seed, kilobytes=8)


def chosen(place: Path, own: Sequence[Path], before: Sequence[Path] = (), **how: Any) -> RoundRows:
    settings = Rows(**{name: how.pop(name) for name in list(how) if name in Rows.model_fields and name != "filters"})
    given: dict[str, Any] = {"preference": False, "seed": 0, "repositories": REPOSITORIES, "workers": 1}
    return choose_rows(place, own, before, settings, **(given | how))


def rows_of(place: Path, form: str, name: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / form / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def card_of(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "selection/card.json").read_text(encoding="utf-8")))


def test_what_is_solved_is_learnt_from_and_the_card_says_what_is_not(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", ("resolved", "wrong_fix", "flagged"), seed=0)
    found = chosen(tmp_path / "rows", [run])
    assert (found.new, found.replayed, found.rows) == (4, 0, 4)
    assert found.taken == {"resolved": 8}
    assert found.directories == (tmp_path / "rows/chat",)
    assert {row["instance_id"] for row in rows_of(tmp_path / "rows", "chat")} == set(TASKS)
    assert all(row["resolved"] for row in rows_of(tmp_path / "rows", "chat"))
    assert {row["repo"] for row in rows_of(tmp_path / "rows", "chat")} == set(REPOSITORIES.values())
    assert (tmp_path / "rows/selection/README.md").read_text(encoding="utf-8").startswith("Recipe `sft`")
    assert card_of(tmp_path / "rows")["read"] == 12


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 0), (0.25, 1), (0.5, 4), (0.4, 3), (0.9, 8)])
def test_of_what_was_before_the_stated_share_of_the_whole_is_drawn(tmp_path: Path, share: float, wanted: int) -> None:
    before = [run_of(tmp_path / "round-1/sample/0", seed=1), run_of(tmp_path / "round-2/sample/0", seed=2)]
    found = chosen(tmp_path / "rows", [run_of(tmp_path / "round-3/sample/0", seed=3)], before, replay=share)
    assert (found.new, found.replayed, found.rows) == (4, wanted, 4 + wanted)
    if wanted < 8:
        assert wanted == round(share * 4 / (1 - share)), "r = share * (new + r)"
        assert found.taken["replay"] == 8 - wanted
        (step,) = (step for step in card_of(tmp_path / "rows")["steps"] if step["filter"] == "replay")
        assert step["reasons"] == {"of a round before": 8 - wanted}
        assert step["settings"] == {"share": share, "seed": 0}


def test_what_is_old_and_short_takes_no_place_of_what_is_new(tmp_path: Path) -> None:
    """The recipe keeps the four shortest of a task."""
    four: tuple[Outcome, ...] = ("resolved",) * 4
    short = write_run(tmp_path / "round-1/sample/0", model="m", outcomes=dict.fromkeys(TASKS, four), kilobytes=4, seed=1)
    long = write_run(tmp_path / "round-2/sample/0", model="m", outcomes=dict.fromkeys(TASKS, four), kilobytes=12, seed=2)
    alone = chosen(tmp_path / "alone", [long])
    together = chosen(tmp_path / "rows", [long], [short], replay=0.5)
    assert together.new == alone.new > 12
    assert together.replayed > 8
    five: tuple[Outcome, ...] = ("resolved",) * 5
    capped = chosen(
        tmp_path / "capped", [write_run(tmp_path / "round-3", model="m", outcomes={"sums": five}, kilobytes=12, seed=3)], [long]
    )
    assert capped.taken["per_task"] == 1


def test_what_is_solved_again_in_the_same_words_is_new(tmp_path: Path) -> None:
    """A model that does what it was shown has earned those rows: with the old ones kept in their place nothing would be new."""
    shown = run_of(tmp_path / "round-0/demonstrations/0", seed=1)
    again = run_of(tmp_path / "round-1/sample/0", seed=1, tasks=TASKS[:3])
    found = chosen(tmp_path / "rows", [again], [shown], replay=0.25)
    assert (found.new, found.replayed) == (3, 1)
    assert found.taken["near_duplicates"] == 3


def test_another_seed_draws_others_and_the_same_the_same(tmp_path: Path) -> None:
    own = run_of(tmp_path / "round-2/sample/0", seed=2)
    before = [run_of(tmp_path / f"before-{number}", seed=10 + number) for number in range(3)]
    found = [chosen(tmp_path / f"rows-{number}", [own], before, seed=number, replay=0.5) for number in range(6)]
    assert len({each.digest for each in found}) > 1
    again = chosen(tmp_path / "again", [own], before, seed=3, replay=0.5, workers=2)
    assert again.digest == found[3].digest, "whatever the number of processes"
    assert {each.replayed for each in found} == {4}


def test_written_twice_is_written_once(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", seed=0)
    first = chosen(tmp_path / "rows", [run])
    (tmp_path / ".rows.partial").mkdir()  # of one that was killed
    (tmp_path / ".rows.partial/chat").mkdir()
    (tmp_path / ".rows.partial/chat/train.jsonl").write_text("torn", encoding="utf-8")
    assert chosen(tmp_path / "rows", [run]) == first
    assert not (tmp_path / ".rows.partial").exists()


def test_the_same_once_more_in_a_later_round_is_there_once(tmp_path: Path) -> None:
    old = run_of(tmp_path / "round-1/sample/0", seed=1)
    same = run_of(tmp_path / "round-2/sample/0", seed=1)
    other = run_of(tmp_path / "round-2/sample/1", seed=2)
    found = chosen(tmp_path / "rows", [same, other], [old], replay=0.9)
    assert found.taken["near_duplicates"] == 4
    texts = [json.dumps(row["messages"]) for row in rows_of(tmp_path / "rows", "chat")]
    assert len(texts) == len(set(texts)) == 8


def test_a_filter_of_duplicates_in_the_recipe_is_the_only_one(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('schema_version = 1\nname = "mine"\n[[filters]]\nname = "near_duplicates"\nthreshold = 0.99\n', encoding="utf-8")
    chosen(tmp_path / "rows", [run_of(tmp_path / "run", seed=0)], filters=str(recipe))
    steps = [step["filter"] for step in card_of(tmp_path / "rows")["steps"]]
    assert steps.count("near_duplicates") == 1


def test_of_nothing_new_all_that_is_old_is_left(tmp_path: Path) -> None:
    """`rows.least = 0` means that it is enough."""
    own = run_of(tmp_path / "round-2/sample/0", ("wrong_fix",), seed=2)
    found = chosen(tmp_path / "rows", [own], [run_of(tmp_path / "round-1/sample/0", seed=1)])
    assert (found.new, found.replayed, found.rows) == (0, 4, 4)


def test_when_nothing_is_left_there_are_no_rows_and_the_card_is_there(tmp_path: Path) -> None:
    found = chosen(tmp_path / "rows", [run_of(tmp_path / "run", ("wrong_fix", "gave_up"), seed=0)])
    assert (found.new, found.replayed, found.rows, found.directories) == (0, 0, 0, ())
    assert found.taken == {"resolved": 8}
    assert sorted(place.name for place in (tmp_path / "rows").iterdir()) == ["selection"]


def test_a_preference_round_has_pairs_of_passed_and_failed(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", ("resolved", "wrong_fix"), seed=0)
    found = chosen(tmp_path / "rows", [run], preference=True)
    assert found.directories == (tmp_path / "rows/pairs",)
    assert found.rows == len(rows_of(tmp_path / "rows", "pairs")) > 0
    assert found.new == 8
    for row in rows_of(tmp_path / "rows", "pairs"):
        assert row["chosen"] != row["rejected"]


def test_what_is_drawn_again_for_a_preference_round_is_drawn_in_pairs(tmp_path: Path) -> None:
    both: tuple[Outcome, ...] = ("resolved", "wrong_fix")
    old = run_of(tmp_path / "round-1", both, seed=1, model="round-0")
    own = run_of(tmp_path / "round-2", both, seed=2, tasks=TASKS[:2], model="round-1")
    for seed in range(3):
        found = chosen(tmp_path / f"rows-{seed}", [own], [old], preference=True, replay=0.5, seed=seed)
        assert (found.new, found.replayed) == (4, 4)
        lines = (tmp_path / f"rows-{seed}/selection/selection.jsonl").read_text(encoding="utf-8").splitlines()
        again = [each for each in map(json.loads, lines) if each["model"] == "round-0"]
        outcomes = {task: {each["resolved"] for each in again if each["instance_id"] == task} for task in TASKS}
        assert sorted(map(len, outcomes.values())) == [0, 0, 2, 2], "two tasks, both sides of each"


def test_tasks_that_are_always_or_never_solved_have_no_pairs(tmp_path: Path) -> None:
    runs = [
        run_of(tmp_path / "always", ("resolved", "resolved"), seed=0, tasks=TASKS[:2]),
        run_of(tmp_path / "never", ("wrong_fix", "wrong_fix"), seed=0, tasks=TASKS[2:]),
    ]
    found = chosen(tmp_path / "rows", runs, preference=True)
    assert (found.new, found.rows, found.taken) == (0, 0, {"difficulty": 8})


def test_the_very_tokens_stand_first_where_the_server_told_them(tmp_path: Path) -> None:
    place = tmp_path / "run"
    with RunStore(place) as store:
        store.write("config.toml", "")
        for number, task in enumerate(TASKS):
            made = make_trajectory(task, 0, "resolved", random.Random(task), kilobytes=8)
            if number:
                tokens = TurnTokens(shared=0, prompt=(1, 2, 3), completion=(4, 5, number), logprobs=(-0.1, -0.2, -0.3))
                made = made.model_copy(update={"turns": tuple(turn.model_copy(update={"tokens": tokens}) for turn in made.turns)})
            store.save(made)
    found = chosen(tmp_path / "rows", [place])
    assert found.directories == (tmp_path / "rows/tokens", tmp_path / "rows/chat")
    with_tokens = {row["instance_id"] for row in rows_of(tmp_path / "rows", "tokens")}
    assert with_tokens == set(TASKS[1:])
    # The trainer leaves out a conversation of which it has the tokens: by its digest, which both forms have.
    digests = {row["sha256"]: row["instance_id"] for row in rows_of(tmp_path / "rows", "chat")}
    assert {digests[row["sha256"]] for row in rows_of(tmp_path / "rows", "tokens")} == with_tokens


def imported(file: Path, seeds: Sequence[int]) -> Path:
    lines = []
    for seed in seeds:
        for task in TASKS:
            made = make_trajectory(task, seed, "resolved", random.Random(f"{seed} {task}"), kilobytes=8).model_copy(update={"grade": None})
            content = made.model_dump_json().encode()
            lines.append(b'{"sha256":"' + hashlib.sha256(content).hexdigest().encode() + b'","record":' + content + b"}\n")
    file.write_bytes(b"".join(lines))
    return file


@pytest.fixture
def ungraded(tmp_path: Path) -> str:
    recipe = tmp_path / "ungraded.toml"
    recipe.write_text('schema_version = 1\nname = "ungraded"\n[[filters]]\nname = "submitted"\n', encoding="utf-8")
    return str(recipe)


def test_a_file_of_imported_records_is_a_source_like_a_run(tmp_path: Path, ungraded: str) -> None:
    file = imported(tmp_path / "imported.jsonl", [0, 1])
    found = chosen(tmp_path / "rows", [file], filters=ungraded)
    assert (found.new, found.replayed, found.rows) == (8, 0, 8)


def test_of_one_file_records_are_drawn_one_by_one(tmp_path: Path, ungraded: str) -> None:
    file = imported(tmp_path / "imported.jsonl", [0, 1, 2])
    own = run_of(tmp_path / "round-1/sample/0", seed=5)
    found = chosen(tmp_path / "rows", [own], [file], filters=ungraded, replay=0.5)
    assert (found.new, found.replayed) == (4, 4)


def test_a_place_whose_name_begins_like_another_is_not_of_it(tmp_path: Path) -> None:
    """round-1 and round-10."""
    old = run_of(tmp_path / "round-10/sample", seed=1)
    found = chosen(tmp_path / "rows", [run_of(tmp_path / "round-1/sample", seed=2)], [old], replay=0.5)
    assert (found.new, found.replayed) == (4, 4)


def test_a_share_for_validation_is_of_whole_repositories(tmp_path: Path) -> None:
    chosen(tmp_path / "rows", [run_of(tmp_path / "run", ("resolved", "resolved"), seed=0)], validation=0.25)
    held = {row["repo"] for row in rows_of(tmp_path / "rows", "chat", "validation")}
    assert held
    assert not held & {row["repo"] for row in rows_of(tmp_path / "rows", "chat")}


def test_this_machines_names_are_taken_out(tmp_path: Path) -> None:
    chosen(tmp_path / "plain", [run_of(tmp_path / "run", seed=0)])
    assert "I look at" in (tmp_path / "plain/chat/train.jsonl").read_text(encoding="utf-8")
    chosen(tmp_path / "rows", [tmp_path / "run"], machine=("I look at",))
    assert "I look at" not in (tmp_path / "rows/chat/train.jsonl").read_text(encoding="utf-8")


def test_filters_that_are_wrong_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrajectoryError, match="no-such"):
        chosen(tmp_path / "rows", [run_of(tmp_path / "run", seed=0)], filters="no-such")
    assert not (tmp_path / "rows").exists()
