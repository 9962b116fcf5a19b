"""A version whose data was let go says so, in every face, until its data is back."""

from __future__ import annotations

from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops import rendering
from jupyter_mlops.records import now


@pytest.fixture
def root(project) -> Path:
    """Two versions of a table of people, of which a rule keeps the last."""
    for number in (1, 2):
        write(project.root, number)
        mlops.commit(["people.csv"], project=project.root, owner="sara")
    return project.root


def write(root: Path, number: int) -> None:
    rows = [f"p{each}@example.ae,{each}" for each in range(10 * number)]
    (root / "people.csv").write_text("\n".join(["email,visits", *rows, ""]))


def told(root: Path) -> dict[str, str]:
    return {each.version: each.let_go for each in mlops.log("people", project=root).versions}


def retire(root: Path) -> str:
    settings = root / "mlops.toml"
    settings.write_text("[retention]\nkeep_last = 1\n")
    mlops.retain(project=root)
    return f"retired {now():%Y-%m-%d}"


def test_nothing_was_let_go(root):
    assert told(root) == {"v2": "", "v1": ""}


def test_a_retired_version_says_so_in_log_show_and_search(root):
    gone = retire(root)
    assert told(root) == {"v2": "", "v1": gone}
    assert mlops.show("people@v1", project=root).version.let_go == gone
    hits = mlops.search("owner:sara", every=True, project=root).hits
    assert {hit.version.version: hit.version.let_go for hit in hits} == {"v2": "", "v1": gone}
    assert gone in rendering.text(mlops.log("people", project=root))


def test_its_columns_are_still_told(root):
    retire(root)
    assert [column.name for column in mlops.show("people@v1", project=root).schema] == ["email", "visits"]


def test_what_is_back_is_gone_no_more(root):
    retire(root)
    write(root, 1)
    mlops.commit(["people.csv"], project=root)
    assert set(told(root).values()) == {""}


def test_an_erased_version_says_so_though_another_stands_in_its_place(root):
    mlops.erase(subject="email=p1@example.ae", reason="request 12", yes=True, project=root)
    erased = f"erased {now():%Y-%m-%d}"
    assert {version: let_go for version, let_go in told(root).items() if let_go} == {"v2": erased, "v1": erased}
