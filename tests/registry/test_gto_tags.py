from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UsageError
from jupyter_mlops.registry.tags import SemanticVersion, holders, label, parse, pick, registrations, require_name

V = SemanticVersion
numbers = st.integers(0, 30)
versions = st.builds(V, numbers, numbers, numbers)


def tag(name: str, second: int, commit: str = "c"):
    found = parse(name, commit=commit, author="Sara", seconds=str(second), message="")
    assert found
    return found


@given(versions)
def test_a_version_is_read_as_it_is_written(version):
    assert V.parse(str(version)) == version


@given(st.lists(versions, min_size=1))
def test_the_next_version_is_greater_than_all(found):
    assert all(version < max(found).next_major() for version in found)


def test_a_prerelease_comes_before_its_release():
    order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0"]
    assert sorted(map(V.parse, reversed(order))) == [V.parse(text) for text in order]


@pytest.mark.parametrize("text", ["1", "v1.2", "1.2.x", "01.2.3", ""])
def test_a_version_has_three_numbers(text):
    with pytest.raises(UsageError, match="bad-version"):
        V.parse(text)


@given(st.lists(versions, min_size=1), st.integers(0, 30))
def test_v2_means_the_newest_2(found, major):
    wanted = [version for version in found if version.major == major]
    assert pick(f"v{major}", found) == max(wanted, default=None)


def test_an_exact_version_wins():
    assert pick("2.1.0", [V(2), V(2, 1), V(2, 1, 1)]) == V(2, 1)
    assert pick("2.1", [V(2), V(2, 1), V(2, 1, 1)]) == V(2, 1, 1)


def test_a_label_is_short_while_it_is_clear():
    assert label(V(2), [V(1), V(2)]) == "v2"
    assert label(V(2), [V(2), V(2, 1)]) == "v2.0.0"
    assert label(V(2, 1), [V(2, 1)]) == "v2.1.0"


@pytest.mark.parametrize("name", ["bc@v1", "a.parquet@v1.0.0", "x", "credit@v1.0.0-", "-credit@v1.0.0"])
def test_other_tags_are_not_ours(name):
    assert parse(name, commit="c", author="", seconds="0", message="") is None


def test_a_withdrawn_version_is_gone():
    tags = [tag("m@v1.0.0", 1), tag("m@v2.0.0", 2), tag("m@v2.0.0!#3", 3)]
    assert list(registrations(tags)) == [V(1)]


def test_an_alias_moves_and_falls_back_when_it_is_taken_away():
    tags = [tag("m#champion#1", 1, "a"), tag("m#champion#2", 2, "b")]
    assert holders(tags, "champion") == ["a", "b"]
    assert holders([*tags, tag("m#champion!#3", 3, "b")], "champion") == ["a"]


def test_within_one_second_the_counter_decides():
    tags = [tag("m#champion#10", 1, "b"), tag("m#champion#9", 1, "a")]
    assert holders(tags, "champion") == ["a", "b"]


@pytest.mark.parametrize("name", ["Credit", "a.b", "-a", "a-", "", "a b"])
def test_a_bad_name_is_refused_with_the_nearest(name):
    with pytest.raises(UsageError) as caught:
        require_name(name)
    assert caught.value.reference == "bad-name"
