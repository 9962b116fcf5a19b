"""Which versions go, by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.retention import Held, Rule, age, require_known, verdicts

TODAY = datetime(2026, 11, 24, tzinfo=UTC)
SPANS = st.one_of(st.none(), st.integers(1, 400).map(lambda days: timedelta(days=days)))
RULES = st.builds(Rule, st.one_of(st.none(), st.integers(1, 12)), SPANS)
HELD = st.lists(
    st.tuples(st.integers(0, 400), SPANS).map(lambda pair: (TODAY - timedelta(days=pair[0]), pair[1])), max_size=12
)


def aged(*days: int, retain: str = "") -> list[Held]:
    return [Held(f"{day:032x}", TODAY - timedelta(days=day), age(retain) if retain else None) for day in days]


def kept(held: list[Held], rule: Rule, pins: dict[str, str] | None = None) -> list[bool]:
    return [verdict.keep for verdict in verdicts(held, rule, pins or {}, TODAY)]


def test_without_a_rule_nothing_goes():
    assert kept(aged(1, 5000), Rule()) == [True, True]


def test_the_last_ones_stay_whatever_their_age():
    assert kept(aged(100, 200, 300), Rule(keep_last=2)) == [True, True, False]


def test_young_ones_stay_however_many():
    assert kept(aged(1, 2, 90, 91), Rule(keep_for=age("90d"))) == [True, True, False, False]


def test_of_two_rules_the_more_generous_counts():
    assert kept(aged(1, 2, 90, 91), Rule(3, age("90d"))) == [True, True, True, False]


def test_a_time_given_to_the_version_is_not_prolonged_by_a_rule():
    assert kept(aged(10, 31, retain="30d"), Rule(keep_last=10)) == [True, False]


def test_a_pin_holds_and_says_that_the_time_is_over():
    held = aged(31, retain="30d")
    (verdict,) = verdicts(held, Rule(), {held[0].digest: "tag gold"}, TODAY)
    assert (verdict.keep, verdict.reason) == (True, "tag gold, though its time is over")


@given(HELD, RULES, st.sets(st.integers(0, 11)))
def test_only_what_every_rule_lets_go_goes(drawn, rule, pinned):
    held = [Held(f"{number:032x}", *pair) for number, pair in enumerate(drawn)]
    pins = {f"{number:032x}": "tag" for number in pinned}
    for place, (version, keep) in enumerate(zip(held, kept(held, rule, pins), strict=True)):
        old = TODAY - version.time
        if version.digest in pins:
            expected = True
        elif version.retain is not None:
            expected = old < version.retain
        else:
            rules = [place < rule.keep_last] if rule.keep_last is not None else []
            rules += [old < rule.keep_for] if rule.keep_for is not None else []
            expected = any(rules) or not rules
        assert keep is expected


def test_a_dataset_has_its_own_rule():
    table = {"keep_last": 5, "data/wages.csv": {"keep_last": 1}}
    assert Rule.of(table, "data/wages.csv") == Rule(1)
    assert Rule.of(table, "other") == Rule(5)


@pytest.mark.parametrize(
    "table", [{"keep_last": 0}, {"keep_last": "3"}, {"keep_last": True}, {"keep_for": 90}, {"keep_for": "soon"}]
)
def test_a_rule_that_makes_no_sense_is_refused(table):
    with pytest.raises(UsageError):
        Rule.of(table, "data")


@pytest.mark.parametrize("table", [{"keep_lst": 3}, {"data": {"keep": 1}}, {"dta": {"keep_last": 1}}])
def test_a_rule_or_dataset_that_is_unknown_is_refused(table):
    with pytest.raises(UsageError) as caught:
        require_known(table, ["data"])
    assert caught.value.reference == "bad-settings"
