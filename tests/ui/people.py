"""A table of people in the Lab of a test, and the ways from the panel to what is done with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator
from ui.real_lab import Desk, mlops

WHO = "omar@example.org"


def write_people(root: Path, count: int) -> None:
    rows = [f"p{each}@example.org,{each}" for each in range(count)]
    (root / "data/people.csv").write_text("\n".join(["email,visits", *rows, f"{WHO},7", ""]))


@pytest.fixture
def people(desk: Desk) -> Desk:
    """A table of people in two more versions, described."""
    root = desk.lab.project
    known = (
        len(re.findall(r"people for", mlops("log", "people", cwd=root))) if (root / "data/people.csv").exists() else 0
    )
    for count in (10 + 10 * known, 20 + 10 * known):
        write_people(root, count)
        said = ("--owner", "sara", "--pii", "email", "--purpose", "billing", "--licence", "CC0")
        mlops("commit", "data/people.csv", "-m", f"people for {count}", *said, cwd=root)
    desk.row("data:data/people.csv").wait_for(timeout=30_000)
    return desk


@contextmanager
def settings(desk: Desk, text: str) -> Iterator[None]:
    """`mlops.toml` with `text` for a while."""
    path = desk.lab.project / "mlops.toml"
    before = path.read_text()
    path.write_text(f"{before}\n{text}\n")
    try:
        yield
    finally:
        path.write_text(before)


def more(desk: Desk, entry: str) -> None:
    """Choose from the menu of Data."""
    desk.section("data").get_by_role("button", name="More about data").click()
    desk.page.locator(".lm-Menu-item", has_text=re.compile(f"^{entry}")).click()


def sheet(desk: Desk) -> Locator:
    """The page in front."""
    return desk.page.locator(".jp-Mlops-page:visible")


def dialog(desk: Desk) -> Locator:
    return desk.page.locator(".jp-Dialog")


def cache(desk: Desk) -> Path:
    return desk.lab.project / ".dvc/cache/files/md5"
