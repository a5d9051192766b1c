"""The report in a real browser, opened from disk: what a person does with it, and what hostile text cannot do.

Needs a chromium on PATH. Every page is watched: an error in the console, a request that leaves the disk or a refused policy fails the test.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from leaderboard.render import render
from leaderboard.report import Report, build_report
from leaderboard.runs import read_runs
from tests.leaderboard.synthetic import HOSTILE, write_many

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("browser")
    return [
        *write_many(root / "plain", models=2, tasks=6, attempts=2, rounds=2, kilobytes=12),
        *write_many(root / "hostile", models=1, tasks=2, attempts=2, hostile=True),
    ]


@pytest.fixture(scope="module")
def report(runs: list[Path]) -> Report:
    return build_report(*read_runs(runs))


@pytest.fixture(scope="module")
def site(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(runs, tmp_path_factory.mktemp("site") / "site", plain=True).index.parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Open]:
    """Opens a page of the report; at the end nothing may have gone wrong in any."""
    wrong: list[str] = []
    contexts = []

    def open_it(address: str, *, place: Path = site, width: int = 1280, scheme: str = "light", scripts: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"console: {message.text}") if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else wrong.append(f"request: {request.url}"),
        )
        page.goto(f"{place.as_uri()}/{address}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert wrong == []


def wait_for(page: Page, selector: str) -> None:
    page.locator(selector).first.wait_for(timeout=15_000)


def first_column(page: Page, table: str) -> list[str]:
    return page.locator(f"{table} tbody th[scope=row]").all_inner_texts()


def test_a_column_sorts_both_ways(open_page: Open, report: Report):
    page = open_page("index.html")
    before = first_column(page, "#scores-1")
    rates = {run.label: run.score.rate.value for run in report.runs if run.score.rate}
    page.locator("#scores-1 th:nth-child(3) button").click()
    down = first_column(page, "#scores-1")
    values = [rates[label.split("\n")[0].split(" round")[0]] for label in down]
    assert values == sorted(values, reverse=True)
    assert page.locator("#scores-1 th:nth-child(3)").get_attribute("aria-sort") == "descending"
    page.locator("#scores-1 th:nth-child(3) button").click()
    up = first_column(page, "#scores-1")
    assert [rates[label.split("\n")[0].split(" round")[0]] for label in up] == sorted(values)
    assert sorted(down) == sorted(up) == sorted(before)


def test_a_filter_leaves_what_matches_and_says_how_much(open_page: Open, report: Report):
    page = open_page("index.html")
    page.get_by_label("Filter tasks").fill("parser")
    shown = page.locator("#matrix-1 tbody tr:visible th").all_inner_texts()
    assert shown == [task.instance_id for task in report.tasks if "parser" in task.instance_id]
    assert page.locator(".filter:has([data-filter=matrix-1]) [role=status]").inner_text() == f"{len(shown)} of {len(report.tasks)}"


def test_a_mark_leads_to_its_trial(open_page: Open):
    page = open_page("index.html")
    mark = page.locator("#matrix-1 a.m").first
    address = mark.get_attribute("href") or ""
    mark.click()
    wait_for(page, "article.turn")
    assert page.url.endswith(address)
    assert page.locator("h1").inner_text() == address.split("/")[1]
    assert page.locator("#status").inner_text() == ""


def trial_of(report: Report, key: str, *, least_turns: int = 3) -> str:
    run = next(run for run in report.runs if run.key == key)
    trial = next(trial for trial in run.trials if trial.turns >= least_turns)
    return f"trial.html#{key}/{trial.instance_id}/{trial.attempt}"


def test_keys_go_through_turns_and_attempts(open_page: Open, report: Report):
    start = trial_of(report, "model-a")
    page = open_page(start)
    wait_for(page, "article.turn")

    press = page.keyboard.press
    press("j")
    expect(page).to_have_url(re.compile("/t1$"))
    press("j")
    expect(page).to_have_url(re.compile("/t2$"))
    expect(page.locator('.turn[data-turn="2"]')).to_be_focused()
    press("k")
    expect(page).to_have_url(re.compile("/t1$"))
    press("k")
    expect(page).to_have_url(re.compile("/t1$"))  # the first turn is the first
    trail = page.locator("#trail")
    before = trail.inner_text()
    press("l")
    expect(trail).not_to_have_text(before)
    wait_for(page, "article.turn")
    press("h")
    expect(trail).to_have_text(before)
    wait_for(page, "article.turn")
    closed = page.locator(".output:not([open])")
    expect(closed).not_to_have_count(0)
    press("o")
    expect(closed).to_have_count(0)
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    press("Escape")
    press("c")
    wait_for(page, ".pair article")
    assert "&" in page.url


def test_a_permalink_opens_at_its_turn(open_page: Open, report: Report):
    page = open_page(trial_of(report, "model-a") + "/t3")
    wait_for(page, "article.turn")
    assert page.locator(".turn[data-here]").get_attribute("data-turn") == "3"
    assert 0 < page.locator("#t3").evaluate("each => each.getBoundingClientRect().top") < 800


def test_two_trials_stand_side_by_side_with_the_first_divergence(open_page: Open, report: Report):
    start = trial_of(report, "model-a")
    task = start.split("/")[1]
    page = open_page(f"{start}&model-b/{task}/0")
    wait_for(page, "#divergence")
    assert page.locator("#divergence").inner_text() == "First divergence: turn 1"
    assert page.locator(".pair.sides strong").count() == 2
    page = open_page(f"{start}&{start.split('#')[1]}")
    wait_for(page, ".pair.sides")
    assert page.locator("#divergence").count() == 0
    assert page.get_by_text("They do the same in every turn.").is_visible()


def test_a_transcript_shows_all_of_its_record(open_page: Open, report: Report, runs: list[Path]):
    run = next(run for run in report.runs if run.key == "model-a")
    trial = next(trial for trial in run.trials if trial.turns >= 3 and trial.outcome not in ("infrastructure", "no_patch"))
    page = open_page(f"trial.html#model-a/{trial.instance_id}/{trial.attempt}")
    wait_for(page, "article.turn")
    text = page.locator("#trial").evaluate("each => each.textContent")
    from trajectories.store import read_trajectory

    record = read_trajectory(runs[0] / "trials" / trial.instance_id / str(trial.attempt))
    for message in record.messages:
        assert message.content in text
        assert (message.reasoning or "") in text
    for name in record.grade.tests if record.grade else ():
        assert name in text
    assert record.patch.strip() in text
    for check in record.grade.checks if record.grade else ():
        assert check.output in text
    assert "[object" not in text
    assert page.locator("article.turn").count() == len(record.turns)
    lines = page.locator(".diff > span").evaluate_all("each => each.map((line) => getComputedStyle(line).display)")
    assert set(lines) == {"block"}  # in one line with another, a line would lose its first blank


def test_an_edit_reads_as_a_diff(open_page: Open, report: Report):
    page = open_page(trial_of(report, "model-a", least_turns=4))
    wait_for(page, "article.turn")
    call = page.locator(".call", has=page.locator(".tool", has_text="edit")).first
    (added,) = call.locator(".da").all_inner_texts()
    (removed,) = call.locator(".dd").all_inner_texts()
    assert added.strip() == "+changed"
    assert removed.startswith("-")
    shown = call.locator(".text").first.inner_text()
    assert "old_text" not in shown
    assert shown.index(removed.strip()) < shown.index("+changed")
    assert re.search(r"^ .*\n+-", shown, re.M), "what stays stands around it"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_text_is_text_and_the_policy_holds(open_page: Open, report: Report, scheme: str):
    key = next(run.key for run in report.runs if run.key.startswith("model-a-"))
    run = next(run for run in report.runs if run.key == key)
    pages = ["index.html", f"runs/{key}.html", f"tasks/{run.trials[0].instance_id}.html"]
    pages += [f"trial.html#{key}/{trial.instance_id}/{trial.name}" for trial in (*run.trials, *run.retries)]
    pages += [f"plain/{key}/{run.trials[0].instance_id}/0.html"]
    for address in pages:
        page = open_page(address, scheme=scheme)
        if address.startswith("trial"):
            wait_for(page, "article.turn")
            shown = page.locator("#trial").evaluate("each => each.textContent")
            assert HOSTILE.split("\x1b")[0] in shown
            assert "\\x1b[31mred\\x1b]0;owned\\x07\\x00" in shown
            assert "[U+202E]gnp.exe[U+202C]" in shown
        assert "owned" not in page.title()
        assert page.locator("main img, main script, main iframe, main a[href^=javascript]").count() == 0


def test_what_is_injected_does_not_run(browser: Browser, site: Path):
    """Not through `open_page`: here the policy must complain."""
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    refused = page.evaluate(
        """() => new Promise((done) => {
            const seen = [];
            addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
            document.body.insertAdjacentHTML("beforeend", "<img src='x:' onerror=\\"document.title='owned'\\"><div style='color:red'></div>");
            const script = document.createElement("script"); script.textContent = "document.title='owned'"; document.body.append(script);
            fetch("https://example.invalid/").catch(() => {});
            setTimeout(() => done(seen), 500);
        })"""
    )
    assert page.title() == "Leaderboard"
    assert {"script-src-elem", "style-src-attr", "img-src", "connect-src"} <= set(refused)
    page.close()


def test_a_record_that_was_changed_or_is_gone_is_not_shown(open_page: Open, site: Path, report: Report, tmp_path: Path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    run = next(run for run in report.runs if run.key == "model-a")
    first, second = run.trials[:2]
    other = second.record_sha256 or ""
    wrong = (copy / f"data/{other[:32]}.js").read_text().replace(other[:32], (first.record_sha256 or "")[:32])
    (copy / f"data/{(first.record_sha256 or '')[:32]}.js").write_text(wrong)
    page = open_page(f"trial.html#model-a/{first.instance_id}/{first.attempt}", place=copy)
    page.get_by_text("the record is not the one that this report was made of").wait_for(timeout=15_000)
    assert page.locator("article.turn").count() == 0
    page = open_page("trial.html#model-a/no-such-task/0", place=copy)
    page.get_by_text("There is no such trial in this report.").wait_for(timeout=15_000)


def test_light_and_dark_can_be_chosen_and_are_kept(open_page: Open):
    page = open_page("index.html", scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark


def test_without_scripts_tables_and_plain_transcripts_are_readable(open_page: Open, report: Report):
    page = open_page("index.html", scripts=False)
    assert len(first_column(page, "#scores-1")) == len(report.runs)
    assert page.locator("input[type=search]:visible").count() == 0
    run = next(run for run in report.runs if run.key == "model-a")
    page = open_page(f"tasks/{run.trials[0].instance_id}.html", scripts=False)
    page.get_by_role("link", name="plain page").first.click()
    assert page.locator("section.turn").count() == next(
        trial.turns for each in report.runs[:1] for trial in each.trials if trial.instance_id == run.trials[0].instance_id
    )
    assert open_page("trial.html", scripts=False).locator("noscript").inner_text().startswith("A transcript is kept compressed")


ADDRESSES = ["index.html", "run", "task", "trial", "beside", "plain"]


def address_of(name: str, report: Report) -> str:
    start = trial_of(report, "model-a")
    task, attempt = start.split("/")[1:]
    return {
        "run": "runs/model-b.html",
        "task": f"tasks/{task}.html",
        "trial": start,
        "beside": f"{start}&model-b/{task}/0",
        "plain": f"plain/model-a/{task}/{attempt}.html",
    }.get(name, name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_axe_finds_no_serious_issue(open_page: Open, report: Report, name: str, scheme: str):
    page = open_page(address_of(name, report), scheme=scheme)
    if name in ("trial", "beside"):
        wait_for(page, "article.turn")
    found = Axe().run(page, options={"preload": False}).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_phone_scrolls_only_down(open_page: Open, report: Report, name: str):
    page = open_page(address_of(name, report), width=360)
    if name in ("trial", "beside"):
        wait_for(page, "article.turn")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
