"""A selection: filters in their order, what each took and why, and that nothing is left out in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.task import Finding
from tests.trajectories.test_record import VERSION_1
from trajectories.card import to_markdown
from trajectories.choices import Difficulty, NearDuplicates, PerTask
from trajectories.errors import TrajectoryError
from trajectories.filters import ErroredSteps, MalformedCalls, NoLoops, Resolved, Submitted
from trajectories.recipe import Recipe, read_recipe
from trajectories.selection import Selection, narrow, read_selection, select, write_selection
from trajectories.store import RunStore
from trajectories.trajectory import Failure, Message, ToolCall, Turn, Usage

Make = Callable[..., Any]

FLAG = Finding(rule="process_exit", weight="flag", path="src/a.ts", line=1, excerpt="process.exit(0)")


@pytest.fixture
def run(tmp_path: Path, make_trajectory: Make, make_grade: Make) -> Path:
    """Two tasks: five passes of one, a failure, a flagged pass, one of the infrastructure, and one of the other that gave up."""
    place = tmp_path / "a-run"
    call = ToolCall(id="1", name="submit", arguments="{}")
    clean = (Message(role="system", content="s"), Message(role="user", content="u"), Message(role="assistant", tool_calls=(call,)))
    words = (*clean[:2], Message(role="assistant", content="I am done.", tool_calls=(call,)))
    failed = make_grade(resolved=False, verdict="still_failing")
    with RunStore(place) as store:
        store.write("config.toml", "")
        for attempt in range(5):
            store.save(make_trajectory("a", attempt, messages=(*words, *[Message(role="tool", content="x", tool_call_id="1")] * attempt)))
        store.save(make_trajectory("a", 5, grade=failed, messages=clean))
        store.save(make_trajectory("a", 6, grade=make_grade(integrity=(FLAG,)), messages=clean))
        store.save(make_trajectory("a", 7, grade=None, stop_reason=None, failure=Failure(kind="server", during="agent", message="503")))
        store.save(make_trajectory("b", 0, stop_reason="gave_up", messages=clean))
    return place


def chosen(paths: list[Path], *filters: Any, **how: Any) -> Selection:
    return select(paths, Recipe(name="r", filters=filters), made_by="test", **how)


def names(selection: Selection) -> list[str]:
    return [f"{each.instance_id}{each.attempt}" for each in selection.kept]


def test_each_filter_sees_what_those_before_it_left_and_says_what_it_took(run: Path) -> None:
    selection = chosen([run], Resolved(), Submitted(), PerTask(most=2))
    assert names(selection) == ["a0", "a1"]
    assert [(step.filter, step.taken, step.reasons, step.left) for step in selection.card.steps] == [
        ("infrastructure", 1, {"infrastructure": 1}, 8),
        ("resolved", 2, {"not resolved": 1, "flagged": 1}, 6),
        ("submitted", 1, {"not submitted": 1}, 5),
        ("per_task", 3, {"enough of the task": 3}, 2),
        ("something_to_learn", 0, {}, 2),
    ]
    assert (selection.card.read, selection.card.unverified, selection.card.sources) == (9, 0, {"a-run": 9})


def test_a_cap_before_another_filter_counts_what_that_would_take(run: Path) -> None:
    """The shortest attempt at `a` is one that failed."""
    assert names(chosen([run], PerTask(most=1), Resolved())) == ["b0"]
    assert names(chosen([run], Resolved(), PerTask(most=1))) == ["a0", "b0"]


def test_records_of_another_age_take_none_of_a_caps_places(run: Path) -> None:
    age = lambda selected: int(selected.attempt < 2)  # noqa: E731
    assert names(chosen([run], Resolved(), PerTask(most=1))) == ["a0", "b0"]
    assert names(chosen([run], Resolved(), PerTask(most=1), age=age)) == ["a0", "a2", "b0"]
    hard = Difficulty(most=0.8, attempts=2)
    assert names(chosen([run], Resolved(), hard, age=age)) == names(chosen([run], Resolved(), hard)), "only caps count by age"


def test_of_near_duplicates_the_youngest_stays(run: Path) -> None:
    assert names(chosen([run], Resolved(), NearDuplicates(within="task"))) == ["a0", "b0"]
    assert names(chosen([run], Resolved(), NearDuplicates(within="task"), age=lambda selected: int(selected.attempt < 2))) == ["a2", "b0"]


def test_a_selection_made_narrower_says_so_on_its_card(run: Path) -> None:
    whole = chosen([run], Resolved())
    less = narrow(whole, "odd", {"of": "attempts"}, lambda selected: "it is odd" if selected.attempt % 2 else None)
    assert names(less) == ["a0", "a2", "a4", "b0"]
    step = less.card.steps[-1]
    assert (step.filter, step.settings, step.taken, step.reasons, step.left) == ("odd", {"of": "attempts"}, 2, {"it is odd": 2}, 4)
    assert less.card.kept.trajectories == 4
    assert less.card.steps[:-1] == whole.card.steps


def test_a_task_is_as_hard_as_all_of_its_attempts_say(run: Path) -> None:
    """5 of 7 graded attempts at `a` resolve it; that only passes are left does not make it easier."""
    assert names(chosen([run], Resolved(), Difficulty(most=0.8, attempts=2))) == ["a0", "a1", "a2", "a3", "a4"]
    assert names(chosen([run], Resolved(), Difficulty(most=0.7, attempts=2))) == []


def test_processes_change_nothing_but_the_time(run: Path) -> None:
    recipe = read_recipe("sft")
    assert select([run], recipe, made_by="test", workers=2) == select([run], recipe, made_by="test")


def test_what_cannot_be_read_is_on_the_card_and_nowhere_else(run: Path) -> None:
    file = run / "trials/a/1/trajectory.json"
    file.write_bytes(file.read_bytes()[:-9])
    selection = chosen([run], Resolved())
    (left_out,) = selection.card.unreadable
    assert (left_out.file, left_out.reason) == (str(file), "its bytes are not those that were written (another sha256)")
    assert names(selection) == ["a0", "a2", "a3", "a4", "b0"]
    assert selection.card.read == 8


def test_masked_turns_are_told_and_a_trajectory_with_nothing_else_is_taken_out(tmp_path: Path, make_trajectory: Make) -> None:
    bad = ToolCall(id="1", name="bash", arguments="{", sent_arguments="{}")
    good = ToolCall(id="2", name="submit", arguments="{}")
    messages = (
        Message(role="user", content="u"),
        Message(role="assistant", tool_calls=(bad,)),
        Message(role="assistant", tool_calls=(good,)),
    )
    turns = tuple(
        Turn(message_index=place, finish_reason="", usage=Usage(), latency_seconds=0, events=events)
        for place, events in ((1, ("malformed_arguments",)), (2, ()))
    )
    with RunStore(tmp_path / "run") as store:
        store.write("config.toml", "")
        store.save(make_trajectory("both", messages=messages, turns=turns))
        store.save(make_trajectory("bad", messages=messages[:2], turns=turns[:1]))
    selection = chosen([tmp_path / "run"], ErroredSteps(), MalformedCalls())
    assert names(selection) == ["both0"]
    assert selection.kept[0].masked == {0: "malformed arguments"}
    assert [(step.filter, step.taken, step.masked_turns) for step in selection.card.steps][1:] == [
        ("errored_steps", 0, 1),
        ("malformed_calls", 0, 1),
        ("something_to_learn", 1, 0),
    ]
    assert selection.card.kept.masked_turns == 1


def test_records_of_version_1_are_selected_as_unverified_and_reviews_count() -> None:
    selection = chosen([VERSION_1], Resolved(), NoLoops(), repositories={"sums-cleared": "sums"})
    assert {each.instance_id for each in selection.kept} == {
        "sums-bigint", "sums-single", "words-spaces", "words-malformed", "sums-cleared",
    }  # fmt: skip
    assert {each.instance_id: each.repo for each in selection.kept}["sums-cleared"] == "sums"
    assert (selection.card.unverified, selection.card.kept.cleared, selection.card.kept.unknown_repository) == (8, 1, 4)


def test_a_selection_is_read_as_it_was_written_and_a_torn_one_is_refused(run: Path, tmp_path: Path) -> None:
    selection = chosen([run], Resolved(), ErroredSteps(), PerTask(most=3))
    write_selection(selection, tmp_path / "chosen")
    assert read_selection(tmp_path / "chosen") == selection
    lines = tmp_path / "chosen/selection.jsonl"
    content = lines.read_bytes()
    for torn in (content[:-1], content[: content.index(b"\n") + 1], content[:-40]):
        lines.write_bytes(torn)
        with pytest.raises(TrajectoryError, match="make it again"):
            read_selection(tmp_path / "chosen")
    with pytest.raises(TrajectoryError, match="not a selection"):
        read_selection(tmp_path)


def test_progress_is_told_of_every_record(run: Path) -> None:
    told: list[int] = []
    chosen([run], on_read=told.append)
    assert sum(told) == 9


def test_a_card_is_for_a_person_and_takes_nothing_as_markup(run: Path) -> None:
    selection = chosen([run], Resolved())
    assert json.loads(selection.card.model_dump_json())["steps"][1]["reasons"] == {"not resolved": 1, "flagged": 1}
    odd = selection.card.model_copy(update={"made_by": "a`b|c\n# <script>", "sources": {"|x|\n": 1}})
    text = to_markdown(odd)
    assert "`a'b/c # <script>`" in text
    assert not [line for line in text.splitlines() if line.startswith("#")]
    assert "| `resolved` | `2` | `6` |" in to_markdown(selection.card)
