"""Finding the forms of many secrets in a text: the same as a pattern of all of them, at the cost of one."""

from __future__ import annotations

import html
import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgscope_kit.send.redaction import REDACTED, Redactor

WORDS = st.text("ab<&", min_size=1, max_size=14)


@given(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=30))
def test_as_a_pattern_would(forms: list[str], pieces: list[str]) -> None:
    """From the left, at each place the longest form, as it is or as HTML writes it."""
    text = "".join(each for pair in zip(pieces, [*forms, *pieces], strict=False) for each in pair)
    every = sorted({written for form in forms for written in (form, html.escape(form))}, key=len, reverse=True)
    expected = re.sub("|".join(map(re.escape, every)), REDACTED, text) if every else text
    assert expected == Redactor(forms).clean(text)


@pytest.mark.parametrize("form", ["a", "seven77", "eight888", "nine99999"])
def test_forms_of_any_length(form: str) -> None:
    """A short form is found beside long ones, at either end of a text."""
    assert f"{REDACTED} {REDACTED}" == Redactor([form, "long-enough-to-differ"]).clean(f"{form} {form}")


def test_forms_that_begin_alike() -> None:
    """Of forms with the same beginning the one that stands there is found, and none that does not."""
    redactor = Redactor(["client-secret-1", "client-secret-22", "client-secret-333-tail"])
    assert f"{REDACTED}! client-secret-4" == redactor.clean("client-secret-22! client-secret-4")
    assert f"{REDACTED}333-tai" == Redactor(["client-secret-", "client-secret-333-tail"]).clean("client-secret-333-tai")


def test_cost_does_not_grow_with_the_secrets() -> None:
    """Thousands of secrets, alike in their beginning, cost about as much as a few, even where a text is full of it."""
    few, many = (Redactor([f"secret-of-org-{n:05}" for n in range(count)]) for count in (10, 10_000))
    text = "secret-of-org-x " * 500
    assert text == many.clean(text)
    assert _least_s(many, text) < 5 * _least_s(few, text) + 0.005


def _least_s(redactor: Redactor, text: str) -> float:
    took = []
    for _ in range(5):
        began = process_time()
        redactor.clean(text)
        took.append(process_time() - began)
    return min(took)
