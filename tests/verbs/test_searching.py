"""Versions are found by what is known of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError


@pytest.fixture
def root(project, once):
    return once(project.root, build)


def build(root: Path) -> None:
    (root / "wages.csv").write_text("email,wage\na@b.c,1\n")
    mlops.commit(["wages.csv"], project=root, owner="Sara Ahmed", pii=["email"], purpose="payroll", tag="gold")
    (root / "wages.csv").write_text("email,wage,region\na@b.c,1,Dubai\n")
    mlops.commit(["wages.csv"], project=root, message="region added")
    (root / "prices.csv").write_text("item,price\npen,2\n")
    mlops.commit(["prices.csv"], project=root, owner="Omar", source="https://example.org/prices")


def found(root, query, **arguments):
    return [
        f"{hit.version.dataset}@{hit.version.version}" for hit in mlops.search(query, project=root, **arguments).hits
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("wages", ["wages.csv@v2"]),
        ("column:email", ["wages.csv@v2"]),
        ("column:region", ["wages.csv@v2"]),
        ("owner:sara", ["wages.csv@v2"]),
        ("OWNER", []),
        ("owner:SARA pii:*", ["wages.csv@v2"]),
        ("tag:gold", ["wages.csv@v1"]),
        ("purpose:payroll", ["wages.csv@v2"]),
        ("source:example.org", ["prices.csv@v1"]),
        ("message:region", ["wages.csv@v2"]),
        ("column:e*l", ["wages.csv@v2"]),
        ("column:e", ["prices.csv@v1", "wages.csv@v2"]),
        ("", ["prices.csv@v1", "wages.csv@v2"]),
        ("owner:sara column:price", []),
        ("author:sara", ["prices.csv@v1", "wages.csv@v2"]),
    ],
)
def test_every_term_must_fit(root, query, expected):
    assert found(root, query) == expected


def test_every_version_may_be_asked_for_in_pages(root):
    assert found(root, "column:email", every=True) == ["wages.csv@v2", "wages.csv@v1"]
    page = mlops.search("column:email", every=True, limit=1, project=root)
    assert (len(page.hits), page.datasets, page.next_cursor) == (1, 1, "1")
    assert found(root, "column:email", every=True, limit=1, cursor="1") == ["wages.csv@v1"]


def test_the_versions_that_hold_a_digest_are_found(root):
    (root / "many").mkdir()
    (root / "many" / "one.csv").write_text("a\n1\n")
    (root / "many" / "two.csv").write_text("a\n2\n")
    mlops.commit(["many"], project=root)
    (root / "many" / "two.csv").write_text("a\n3\n")
    mlops.commit(["many"], project=root)
    assert found(root, "digest:" + md5(b"a\n1\n"), every=True) == ["many@v2", "many@v1"]
    assert found(root, "digest:" + md5(b"a\n2\n")[:10], every=True) == ["many@v1"]
    assert found(root, "digest:" + mlops.log("wages.csv", project=root).versions[0].digest) == ["wages.csv@v2"]


def md5(data):
    return hashlib.md5(data).hexdigest()


def test_it_says_where_it_was_found(root):
    (hit,) = mlops.search("owner:sara pii:email", project=root).hits
    assert [(match.field, match.value) for match in hit.matched] == [("owner", "Sara Ahmed"), ("pii", "email")]


def test_what_dvc_committed_is_found_by_its_columns(root, git):
    import subprocess

    (root / "plain.csv").write_text("humidity\n1\n")
    subprocess.run(["dvc", "add", "-q", "plain.csv"], cwd=root, check=True, capture_output=True)
    git("add", ".")
    git("commit", "-qm", "by dvc")
    assert found(root, "column:humidity") == ["plain.csv@v1"]


def test_columns_of_a_pointer_that_dvc_changed_are_not_believed(root, git):
    import subprocess

    (root / "wages.csv").write_text("other\n1\n")
    subprocess.run(["dvc", "add", "-q", "wages.csv"], cwd=root, check=True, capture_output=True)
    git("commit", "-qam", "by dvc")
    assert "region" in (root / "wages.csv.dvc").read_text()
    assert found(root, "column:region") == ["wages.csv@v2"]
    assert found(root, "column:other") == ["wages.csv@v3"]


@pytest.mark.parametrize(
    ("arguments", "reference"), [({"query": "ownr:x"}, "unknown-field"), ({"query": "x", "cursor": "z"}, "bad-cursor")]
)
def test_what_makes_no_sense_is_refused(root, arguments, reference):
    with pytest.raises(UsageError) as caught:
        mlops.search(**arguments, project=root)
    assert caught.value.reference == reference
