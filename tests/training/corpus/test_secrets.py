"""Secrets: what is found on the labelled set, and what replacing them leaves."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.corpus.labelled_secrets import Case, cases
from training.corpus.secrets import SecretFinder
from training.corpus.settings import SecretSettings
from training.corpus.syntax import errors

FINDER = SecretFinder(SecretSettings())
CASES = list(cases())


def test_the_labelled_set_has_enough_of_both():
    assert sum(len(case.secrets) for case in CASES) > 300
    assert sum(not case.secrets for case in CASES) > 200


def test_recall_and_precision_on_the_labelled_set():
    hit, missed, false = 0, Counter(), Counter()
    for case in CASES:
        found = FINDER.find(case.text, bare=case.bare)
        for start, end in case.spans:
            if any(each.start <= start and end <= each.end for each in found):
                hit += 1
            else:
                missed[case.template] += 1
        for each in found:
            if not any(each.start < end and start < each.end for start, end in case.spans):
                false[case.template] += 1
    assert hit / (hit + missed.total()) >= 0.98, missed
    assert hit / (hit + false.total()) >= 0.95, false


def test_nothing_of_a_found_secret_is_left():
    for case in CASES:
        found = FINDER.find(case.text, bare=case.bare)
        clean, _ = FINDER.replace(case.text, bare=case.bare)
        for secret, (start, end) in zip(case.secrets, case.spans, strict=True):
            if any(each.start <= start and end <= each.end for each in found):
                assert secret not in clean


def test_what_is_clean_stays_as_it_is():
    for case in CASES:
        clean, _ = FINDER.replace(case.text, bare=case.bare)
        assert FINDER.replace(clean, bare=case.bare) == (clean, Counter()), clean


@pytest.mark.parametrize("path", ["a.ts", "a.tsx"])
def test_code_parses_as_well_without_its_secrets(path: str):
    replaced = 0
    for case in _code():
        clean, kinds = FINDER.replace(case.text)
        replaced += kinds.total()
        before, after = errors(case.text, path), errors(clean, path)
        assert before is not None
        assert after is not None
        assert after <= before, clean
    assert replaced > 150


def _code() -> list[Case]:
    return [case for case in CASES if case.secrets and not case.bare]


def test_placeholders_are_the_same_for_every_secret_of_a_kind():
    one, _ = FINDER.replace(b'const a = "ghp_q9Zk3vXw7Lr2Tn8Pb5Yc1Md6Hs4Jf0GaQeRu";')
    other, _ = FINDER.replace(b'const a = "ghp_aG0fJ4sH6dM1cY5bP8nT2rL7wXv3kZ9qUeRt";')
    assert one == other == b'const a = "REDACTED_GITHUB_TOKEN";'


def test_people_may_be_left_in():
    finder = SecretFinder(SecretSettings(emails=False, addresses=False))
    text = b'const mail = "jo.smith@gmail.com"; const host = "52.14.133.27";'
    assert finder.replace(text) == (text, Counter())
    assert FINDER.replace(text)[1] == Counter(EMAIL=1, ADDRESS=1)


@pytest.mark.parametrize(
    "text",
    [b"password" * 40_000, b'token="' * 40_000, b"://" * 60_000, b"a@" * 80_000, b"-----BEGIN PRIVATE KEY-----" * 4_000, b"eyJ." * 40_000],
    ids=lambda text: text[:12].decode(),
)
def test_a_text_made_for_it_takes_no_long_time(text: bytes):
    import time

    start = time.process_time()
    FINDER.replace(text)
    assert time.process_time() - start < 10


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_without_an_error_and_cleaned_once(content: bytes):
    clean, _ = FINDER.replace(content, bare=True)
    assert FINDER.replace(clean, bare=True)[0] == clean
