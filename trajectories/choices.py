"""Filters of many trajectories: which of those that are alike, or too many, stay. They compare profiles, never whole records.

What a choice leaves does not depend on the order of the profiles, and choosing again among what it left takes nothing more. It does depend
on which other filters went before, except for `difficulty`, which counts every graded attempt.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trajectories.errors import TrajectoryError
from trajectories.trajectory import Trajectory

if TYPE_CHECKING:
    from rensa import RMinHash

Choice = Literal["shortest", "diverse", "random"]

_WORD = re.compile(r"\w+")
_SHINGLE_WORDS: Final = 5
_PERMUTATIONS: Final = 128
_SEED: Final = 42


@dataclass(frozen=True, slots=True)
class Profile:
    """What choices need to know of a record."""

    key: str
    """Of no two records the same."""
    instance_id: str
    repo: str
    resolved: bool | None
    turns: int
    characters: int
    """That the model wrote."""
    signature: RMinHash | None = field(default=None, compare=False)
    """MinHash of what the model wrote; only where a choice asks for it."""
    age: int = 0
    """Records of another age take none of a cap's places, and of near duplicates the youngest stays."""


class _Choice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def needs_signature(self) -> bool:
        return False

    @property
    def caps(self) -> bool:
        """Whether it takes the rest of what is enough, so that one record's place is another's loss."""
        return False


class _Cap(_Choice):
    most: int = Field(gt=0)
    choice: Choice = "shortest"
    """`shortest`: in turns, then in what the model wrote; `diverse`: each as unlike those before it as can be; `random`: by the seed."""
    seed: int = 0

    @property
    def needs_signature(self) -> bool:
        return self.choice == "diverse"

    @property
    def caps(self) -> bool:
        return True

    def _take_out(self, groups: Iterable[Sequence[Profile]], reason: str) -> dict[str, str]:
        left_out: dict[str, str] = {}
        for group in groups:
            if len(group) > self.most:
                kept = {profile.key for profile in self._chosen(group)}
                left_out |= {profile.key: reason for profile in group if profile.key not in kept}
        return left_out

    def _chosen(self, group: Sequence[Profile]) -> list[Profile]:
        if self.choice == "random":
            return sorted(group, key=lambda profile: hashlib.sha256(f"{self.seed}\0{profile.key}".encode()).digest())[: self.most]
        rest = sorted(group, key=_shortest_first)
        if self.choice == "shortest":
            return rest[: self.most]
        chosen = [rest.pop(0)]
        likeness = [_likeness(profile, chosen[0]) for profile in rest]
        while rest and len(chosen) < self.most:
            place = min(range(len(rest)), key=lambda each: (likeness[each], each))
            chosen.append(rest.pop(place))
            likeness.pop(place)
            likeness = [max(known, _likeness(profile, chosen[-1])) for known, profile in zip(likeness, rest, strict=True)]
        return chosen


class PerTask(_Cap):
    name: Literal["per_task"] = "per_task"

    def leave_out(self, alive: Sequence[Profile], everything: Sequence[Profile]) -> dict[str, str]:
        return self._take_out(_grouped(alive, lambda profile: profile.instance_id), "enough of the task")


class PerRepository(_Cap):
    name: Literal["per_repository"] = "per_repository"

    def leave_out(self, alive: Sequence[Profile], everything: Sequence[Profile]) -> dict[str, str]:
        return self._take_out(_grouped(alive, lambda profile: profile.repo), "enough of the repository")


class NearDuplicates(_Choice):
    """Of trajectories in which the model wrote nearly the same, the shortest stays, of the youngest. Any two that stay are less alike than `threshold`,
    as MinHash estimates it (128 permutations: a standard error of at most 0.045) of five-word shingles, within its banding's reach.
    """

    name: Literal["near_duplicates"] = "near_duplicates"
    threshold: float = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity."""
    within: Literal["task", "everything"] = "everything"

    @property
    def needs_signature(self) -> bool:
        return True

    def leave_out(self, alive: Sequence[Profile], everything: Sequence[Profile]) -> dict[str, str]:
        groups = _grouped(alive, lambda profile: profile.instance_id) if self.within == "task" else [alive]
        left_out: dict[str, str] = {}
        for group in groups:
            kept = _rensa().RMinHashDeduplicator(self.threshold, _PERMUTATIONS, True, None, _SEED)  # noqa: FBT003 - its signature
            for profile in sorted(group, key=_shortest_first):
                if not kept.add(profile.key, profile.signature):
                    left_out[profile.key] = "near duplicate"
        return left_out


class Difficulty(_Choice):
    """Tasks by their own pass rate, over every graded attempt of what was read, and not only over those that are left."""

    name: Literal["difficulty"] = "difficulty"
    least: float = Field(default=0.0, ge=0, le=1)
    most: float = Field(default=1.0, ge=0, le=1)
    attempts: int = Field(default=1, gt=0)
    """How many graded attempts it takes to say."""

    @model_validator(mode="after")
    def _in_order(self) -> Difficulty:
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self

    def leave_out(self, alive: Sequence[Profile], everything: Sequence[Profile]) -> dict[str, str]:
        outcomes: dict[str, list[bool]] = defaultdict(list)
        for profile in everything:
            if profile.resolved is not None:
                outcomes[profile.instance_id].append(profile.resolved)
        left_out = {}
        for profile in alive:
            of_task = outcomes[profile.instance_id]
            if len(of_task) < self.attempts:
                left_out[profile.key] = "too few graded attempts"
            elif (rate := sum(of_task) / len(of_task)) < self.least:
                left_out[profile.key] = "task too hard"
            elif rate > self.most:
                left_out[profile.key] = "task too easy"
        return left_out


OfMany = PerTask | PerRepository | NearDuplicates | Difficulty
"""A further filter of many trajectories is a class above and a name here."""


def signature_of(trajectory: Trajectory) -> RMinHash:
    """MinHash of the five-word shingles of what the model wrote. TrajectoryError when its library is not installed."""
    words = [word for text in written_by_model(trajectory) for word in _WORD.findall(text)]
    shingles = {" ".join(words[start : start + _SHINGLE_WORDS]) for start in range(max(1, len(words) - _SHINGLE_WORDS + 1))}
    signature = _rensa().RMinHash(num_perm=_PERMUTATIONS, seed=_SEED)
    signature.update(sorted(shingles))
    return signature


def written_by_model(trajectory: Trajectory) -> list[str]:
    texts = []
    for message in trajectory.messages:
        if message.role == "assistant":
            texts += [message.reasoning or "", message.content]
            texts += [f"{call.name} {call.arguments}" for call in message.tool_calls]
    return texts


def _grouped(profiles: Sequence[Profile], key: Callable[[Profile], str]) -> list[list[Profile]]:
    groups: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles:
        groups[key(profile)].append(profile)
    return list(groups.values())


def _shortest_first(profile: Profile) -> tuple[int, int, int, str]:
    return (profile.age, profile.turns, profile.characters, profile.key)


def _likeness(one: Profile, other: Profile) -> float:
    assert one.signature is not None
    assert other.signature is not None
    return float(one.signature.jaccard(other.signature))


def _rensa() -> Any:  # noqa: ANN401 - a module without types
    try:
        import rensa
    except ImportError as error:
        raise TrajectoryError("near-duplicates need a library: pip install 'typescript-agent-harness[trajectories]'") from error
    return rensa
