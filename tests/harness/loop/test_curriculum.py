"""Whatever the outcomes: no more tasks than are wanted, and what is judged only in its share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.loop.config import Curriculum
from harness.loop.curriculum import Choice, Outcomes, choose

NAMES = [f"t{number}" for number in range(12)]

counts = st.integers(0, 8).flatmap(lambda graded: st.tuples(st.integers(0, graded), st.just(graded)))
rounds_ = st.lists(st.dictionaries(st.sampled_from([*NAMES, "gone"]), counts), max_size=5)
settings_ = st.builds(
    Curriculum,
    tasks=st.none() | st.integers(1, 15),
    judged_after=st.integers(1, 6),
    rounds=st.integers(1, 4),
    revisit=st.floats(0, 1),
)


def judged(rounds: list[Outcomes], settings: Curriculum) -> set[str]:
    """Always or never solved, in the plainest way."""
    found = set()
    for task in NAMES:
        seen = [each[task] for each in rounds[-settings.rounds :] if task in each]
        passes, graded = sum(passes for passes, _ in seen), sum(graded for _, graded in seen)
        if graded >= settings.judged_after and passes in (0, graded):
            found.add(task)
    return found


@given(rounds_, settings_, st.integers())
def test_a_round_tries_what_is_worth_it_and_of_the_rest_its_share(rounds: list[Outcomes], settings: Curriculum, seed: int) -> None:
    choice = choose(NAMES, rounds, settings, seed)
    rest = judged(rounds, settings)
    most = settings.tasks or len(NAMES)
    assert 0 < len(choice.tasks) <= most
    assert list(choice.tasks) == [task for task in NAMES if task in choice.tasks], "in the suite's order, each once"
    again = set(choice.tasks) & rest
    assert len(again) == choice.revisited
    assert choice.always + choice.never == len(rest)
    assert choice.unknown + choice.between + choice.revisited == len(choice.tasks)
    if len(rest) < len(NAMES):
        assert len(again) <= settings.revisit * len(choice.tasks) + 1, "no more than its share, but for rounding"
        assert settings.revisit or not again
        if len(choice.tasks) < min(most, len(NAMES) - len(rest)):
            assert settings.revisit == 1, "nothing that is worth it is left out while there is room"


@given(rounds_, settings_, st.integers())
def test_the_same_seed_is_the_same_choice(rounds: list[Outcomes], settings: Curriculum, seed: int) -> None:
    assert choose(NAMES, rounds, settings, seed) == choose(NAMES, rounds, settings, seed)


@given(settings_.filter(lambda settings: settings.revisit < 1), st.integers())
def test_what_nobody_has_tried_is_tried(settings: Curriculum, seed: int) -> None:
    choice = choose(NAMES, [], settings, seed)
    assert len(choice.tasks) == min(len(NAMES), settings.tasks or len(NAMES)) == choice.unknown


def test_seeds_draw_different_tasks() -> None:
    assert len({choose(NAMES, [], Curriculum(tasks=4), seed).tasks for seed in range(20)}) > 5


def test_a_cap_leaves_room_for_both() -> None:
    """Half of what is tried, though three times as many are never solved."""
    outcomes = dict.fromkeys(NAMES[:6], (0, 4))
    choice = choose(NAMES, [outcomes], Curriculum(tasks=4, revisit=0.5), seed=0)
    assert (choice.revisited, choice.unknown) == (2, 2)


def test_without_a_cap_the_share_is_of_all_that_is_tried() -> None:
    outcomes = dict.fromkeys(NAMES[:4], (0, 4)) | dict.fromkeys(NAMES[4:6], (4, 4)) | dict.fromkeys(NAMES[6:9], (2, 4))
    choice = choose(NAMES, [outcomes], Curriculum(revisit=0.25), seed=0)
    assert choice == Choice(tasks=choice.tasks, unknown=3, between=3, revisited=2, always=2, never=4)
    assert set(NAMES[6:]) <= set(choice.tasks)


def test_only_the_last_rounds_count_and_attempts_without_a_grade_do_not() -> None:
    old, new = {"t0": (0, 4), "t1": (4, 4)}, {"t0": (1, 4), "t1": (3, 3), "t2": (0, 3)}
    settings = Curriculum(rounds=1, revisit=0)
    assert set(NAMES) - set(choose(NAMES, [old], settings, 0).tasks) == {"t0", "t1"}
    assert set(NAMES) - set(choose(NAMES, [old, new], settings, 0).tasks) == set()
    assert set(NAMES) - set(choose(NAMES, [old, new], Curriculum(rounds=2, revisit=0), 0).tasks) == {"t1"}


def test_when_all_is_judged_it_is_looked_at_again() -> None:
    everything = dict.fromkeys(NAMES, (4, 4))
    assert choose(NAMES, [everything], Curriculum(revisit=0), 0).revisited == 1
    assert choose(NAMES, [everything], Curriculum(revisit=0.5), 0).revisited == 6
    assert choose(NAMES, [everything], Curriculum(revisit=0.5, tasks=3), 0).revisited == 3


def test_a_suite_without_tasks_has_none_to_try() -> None:
    assert choose([], [], Curriculum(), 0).tasks == ()
