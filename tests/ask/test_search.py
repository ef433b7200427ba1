"""The scope search against a yes/no/narrowing oracle: exact, and in few questions."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgscope_kit.ask.search import Found, Heard, isolate

NAMES = tuple(f"s:{number:02d}" for number in range(40))
missing_sets = st.integers(1, 40).flatmap(
    lambda count: st.tuples(st.just(NAMES[:count]), st.sets(st.sampled_from(NAMES[:count]), min_size=1))
)


def oracle(missing: set[str], names: str, narrows: bool) -> Callable[[tuple[str, ...]], Heard]:
    """A server that answers in that style."""

    def ask(group: tuple[str, ...]) -> Heard:
        bad = tuple(scope for scope in group if scope in missing)
        if not bad or narrows:
            return Heard(True, dropped=bad)
        return Heard(False, named={"none": (), "first": bad[:1], "all": bad}[names])

    return ask


def drive(
    scopes: tuple[str, ...], ask: Callable[[tuple[str, ...]], Heard], most: int | None = None
) -> tuple[Found, int]:
    """The search's end, and how many questions it put; after ``most`` no answer comes."""
    search, count = isolate(scopes, ask(scopes)), 0
    try:
        group = next(search)
        while True:
            if most is not None and count >= most:
                search.send(None)
            count += 1
            group = search.send(ask(group))
    except StopIteration as end:
        return end.value, count


@pytest.mark.parametrize("names", ["none", "first", "all"])
@pytest.mark.parametrize("narrows", [False, True])
@given(case=missing_sets)
def test_search_is_exact(names: str, narrows: bool, case: tuple[tuple[str, ...], set[str]]) -> None:
    """Every scope is settled, and as it is."""
    scopes, missing = case
    found, count = drive(scopes, oracle(missing, names, narrows))
    assert tuple(scope for scope in scopes if scope in missing) == found.missing
    assert tuple(scope for scope in scopes if scope not in missing) == found.granted
    assert () == found.open
    bound = 0 if narrows else {"all": 1, "first": len(missing), "none": 2 * len(scopes)}[names]
    assert count <= bound


@given(case=missing_sets, most=st.integers(0, 10))
def test_search_that_is_cut_short_claims_nothing_wrong(case: tuple[tuple[str, ...], set[str]], most: int) -> None:
    """What could not be asked stays open."""
    scopes, missing = case
    found, _ = drive(scopes, oracle(missing, "none", False), most)
    assert set(found.missing) <= missing
    assert not set(found.granted) & missing
    assert set(scopes) == {*found.granted, *found.missing, *found.open}


@pytest.mark.parametrize("size", [2, 5, 6, 7, 20])
def test_last_part_is_not_asked_again(size: int) -> None:
    """Where all other parts of a refused group pass, the last one is refused without a question."""
    scopes = NAMES[:size]
    asked: list[tuple[str, ...]] = []
    ask = oracle({scopes[-1]}, "none", narrows=False)

    def noted(group: tuple[str, ...]) -> Heard:
        asked.append(group)
        return ask(group)

    assert scopes[-1:] == drive(scopes, noted)[0].missing
    assert not [group for group in asked[1:] if scopes[-1] in group]


@pytest.mark.parametrize(("count", "lacking"), [(8, 2), (20, 1), (20, 2), (40, 4), (100, 5)])
def test_search_stays_near_the_bound(count: int, lacking: int) -> None:
    """Where nothing is named, the mean number of questions is near the least possible, log2 C(n, d)."""
    names = tuple(f"s:{number:03d}" for number in range(count))
    draw = random.Random(5)
    counts = [drive(names, oracle(set(draw.sample(names, lacking)), "none", narrows=False))[1] for _ in range(60)]
    bound = math.log2(math.comb(count, lacking))
    assert sum(counts) / len(counts) <= 1.1 * bound + 3.6
    assert max(counts) <= sum(counts) / len(counts) + 5
