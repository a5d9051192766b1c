"""Where the marks of a chart stand: plain coordinates, which templates draw as SVG. Knows nothing of colours and markup."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from leaderboard.report import RunReport
from leaderboard.scores import Quantity

WIDTH: Final = 560
HEIGHT: Final = 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 12, 44

_INSET: Final = 10  # a mark stands beside the axis, not on it

_AXES: Final[tuple[tuple[Quantity, str], ...]] = (
    ("cost", "cost of an attempt"),
    ("output_tokens", "output tokens of an attempt"),
    ("seconds", "seconds of an attempt"),
)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    low: float | None
    """y of the interval's ends."""
    high: float | None
    words: str
    link: str


@dataclass(frozen=True, slots=True)
class Series:
    number: int
    """Decides its colour and shape."""
    label: str
    path: str
    """Of the line through its marks; empty for single ones."""
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    title: str
    summary: str
    """The same in words, for those who do not see it."""
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]
    frontier: str = ""
    """Path through what nothing beats in both score and cost."""


def cost_and_score(runs: Sequence[RunReport]) -> Chart | None:
    """Score against cost, with the frontier: cost where every run says it, else output tokens, else time. None without a scored run."""
    scored = [(number, run) for number, run in enumerate(runs) if run.score.rate]
    said = {
        quantity: {run.key: each.per_attempt for _, run in scored for each in run.score.spent if each.quantity == quantity}
        for quantity, _ in _AXES
    }
    axis = next(((quantity, words) for quantity, words in _AXES if scored and len(said[quantity]) == len(scored)), None)
    if axis is None:
        return None
    words = axis[1]
    spent = said[axis[0]]
    ticks, at = _x_axis(list(spent.values()))
    series = []
    for number, run in scored:
        rate = run.score.rate
        assert rate is not None
        tooltip = f"{run.label}: {rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%}), {words} {short(spent[run.key])}"
        mark = Mark(_round(at(spent[run.key])), _y(rate.value), _y(rate.low), _y(rate.high), tooltip, f"runs/{run.key}.html")
        series.append(Series(number, run.label, "", (mark,)))
    best: list[tuple[float, float]] = []
    for mark in sorted((each.marks[0] for each in series), key=lambda mark: (mark.x, mark.y)):
        if not best or mark.y < best[-1][1]:
            best.append((mark.x, mark.y))
    return Chart(
        name="pareto",
        title=f"Resolved against {words}",
        summary="; ".join(each.marks[0].words for each in series),
        x_label=words,
        y_label="resolved",
        x_ticks=ticks,
        y_ticks=_y_ticks(),
        series=tuple(series),
        frontier=_steps(best),
    )


def pass_curves(runs: Sequence[RunReport], *, every: bool) -> Chart | None:
    """pass@k, or pass^k with `every`, over k. None where no task was tried twice."""
    curves = [(number, run, run.score.pass_hat if every else run.score.pass_at) for number, run in enumerate(runs)]
    most = max((len(curve) for _, _, curve in curves), default=0)
    if most < 2:
        return None
    name = "pass^k" if every else "pass@k"
    series = [
        _line(number, run, [(_x(k, 1, most), value, None, f"{run.label}: {name[:-1]}{k} {value:.1%}") for k, value in enumerate(curve, 1)])
        for number, run, curve in curves
        if curve
    ]
    return Chart(
        name="pass-hat" if every else "pass-at",
        title=f"{name}: {'all of k attempts resolve a task' if every else 'one of k attempts resolves a task'}",
        summary="; ".join(each.marks[-1].words for each in series),
        x_label="k attempts",
        y_label=name,
        x_ticks=tuple(Tick(_x(k, 1, most), str(k)) for k in range(1, most + 1, max(1, math.ceil(most / 12)))),
        y_ticks=_y_ticks(),
        series=tuple(series),
    )


def rounds(runs: Sequence[RunReport], base: RunReport | None = None) -> Chart | None:
    """The score of each loop over its rounds, with intervals; from that of `base` on, where rounds of one loop began from it. None without two rounds of a loop."""
    loops: dict[str, list[RunReport]] = {}
    for run in runs:
        if run.round is not None and run.score.rate is not None:
            loops.setdefault(run.round.loop, []).append(run)
    loops = {loop: sorted(members, key=lambda run: run.round.number if run.round else 0) for loop, members in loops.items()}
    numbers = sorted({run.round.number for members in loops.values() if len(members) > 1 for run in members if run.round})
    if len(numbers) < 2:
        return None
    begun = [base] if base is not None and base.score.rate is not None else []
    names = {**({numbers[0] - 1: "base"} if begun else {}), **{number: str(number) for number in numbers}}
    first, last = min(names), max(names)
    series = []
    for number, (loop, members) in enumerate((loop, members) for loop, members in loops.items() if len(members) > 1):
        marks = []
        for run in (*begun, *members):
            rate = run.score.rate
            assert rate is not None
            told, at = ("the base", first) if run is base or run.round is None else (f"round {run.round.number}", run.round.number)
            words = f"{loop}, {told}: {rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"
            marks.append(Mark(_x(at, first, last), _y(rate.value), _y(rate.low), _y(rate.high), words, f"runs/{run.key}.html"))
        series.append(Series(number, loop, _path([(mark.x, mark.y) for mark in marks]), tuple(marks)))
    return Chart(
        name="rounds",
        title="Rounds of the loop",
        summary="; ".join(mark.words for each in series for mark in each.marks),
        x_label="round",
        y_label="resolved",
        x_ticks=tuple(Tick(_x(number, first, last), name) for number, name in names.items()),
        y_ticks=_y_ticks(),
        series=tuple(series),
    )


def short(value: float) -> str:
    """A quantity in few characters: 0.0123, 4.56, 12.3k, 1.2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _line(number: int, run: RunReport, points: Sequence[tuple[float, float, None, str]]) -> Series:
    marks = tuple(Mark(x, _y(value), None, None, words, f"runs/{run.key}.html") for x, value, _, words in points)
    return Series(number, run.label, _path([(mark.x, mark.y) for mark in marks]), marks)


def _x(value: float, low: float, high: float) -> float:
    return _round(LEFT + _INSET + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT - 2 * _INSET))


def _y(share: float) -> float:
    return _round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))


def _y_ticks() -> tuple[Tick, ...]:
    return tuple(Tick(_y(share / 100), f"{share}%") for share in (0, 25, 50, 75, 100))


def _x_axis(values: Sequence[float]) -> tuple[tuple[Tick, ...], Callable[[float], float]]:
    """From 0 to a round number past the greatest; logarithmic where values differ by more than thirtyfold."""
    greatest, least = max(values), min(values)
    if least > 0 and greatest / least > 30:
        low, high = math.floor(math.log10(least)), math.ceil(math.log10(greatest) + 1e-9)
        ticks = tuple(Tick(_x(power, low, high), short(10.0**power)) for power in range(low, high + 1))
        return ticks, lambda value: _x(math.log10(value), low, high)
    step = 10.0 ** math.floor(math.log10(greatest)) if greatest > 0 else 1.0
    step = next(each for each in (step / 5, step / 2, step, step * 2) if greatest / each <= 6)
    count = math.ceil(greatest / step + 1e-9)
    return tuple(Tick(_x(each, 0, count), short(each * step)) for each in range(count + 1)), lambda value: _x(value / step, 0, count)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points) if len(points) > 1 else ""


def _steps(points: Sequence[tuple[float, float]]) -> str:
    """Steps to the right, then up: what may be had at most for so much."""
    if not points:
        return ""
    words = [f"M{points[0][0]:g},{points[0][1]:g}"]
    words += [f"H{x:g}V{y:g}" for x, y in points[1:]]
    return "".join(words) + f"H{WIDTH - RIGHT}"


def _round(value: float) -> float:
    return round(value, 1)
