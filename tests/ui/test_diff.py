"""The diff view: from the sidebar to the changed rows, by keyboard, in both themes."""

from __future__ import annotations

import re

import pytest
from pictures import write_png
from playwright.sync_api import Locator, Page
from ui.real_lab import Desk, mlops

pytestmark = pytest.mark.browser
ROWS = 5_000
MOST_DRAWN = 60
# Grounds here are half transparent, so they are painted one over the other as the browser does.
CONTRAST = """() => {
  const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = colour => { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); };
  const light = () => [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const around = node => node ? [...around(node.parentElement), getComputedStyle(node).backgroundColor] : ['white'];
  return [...document.querySelectorAll('.jp-Mlops-page *')].filter(one => one.getBoundingClientRect().width > 1
    && [...one.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())).map(one => {
      around(one).forEach(paint); const ground = light(); paint(getComputedStyle(one).color);
      const [a, b] = [light(), ground].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), one.tagName, one.className, one.textContent]; }).filter(([ratio]) => ratio < 4.5);
}"""


@pytest.fixture(scope="module")
def people(lab):
    """A table of two versions: every row has another wage, every tenth another town; one row gone, one new."""
    root = lab.project
    for version in (1, 2):
        rows = [
            f"{i},{i * version},{'Ulm' if version == 2 and i % 10 == 0 else 'Bonn'}"
            for i in range(version, ROWS + version)
        ]
        (root / "people.csv").write_text("\n".join(["id,wage,town", *rows]) + "\n")
        mlops("commit", "people.csv", "-m", f"people {version}", cwd=root)
    (root / "notes").mkdir()
    for text in ("one\ntwo\n", "one\n2\n"):
        (root / "notes/a.txt").write_text(text)
        mlops("commit", "notes", cwd=root)
    (root / "faces").mkdir()
    for blue in (3, 9):
        write_png(root / "faces/a.png", [[(200, 100, 3)] * 7 + [(200, 100, blue)]] * 8)
        mlops("commit", "faces", cwd=root)


def opened(desk: Desk, name: str) -> Page:
    """The diff of the newest version with the one before, opened from the sidebar."""
    row = desk.row(f"data:{name}").first
    row.wait_for()
    row.press("ArrowRight")
    version = desk.page.locator(f'[data-row="version:{name}@v2"]')
    version.wait_for()
    version.press("Enter")
    desk.page.get_by_role("tab", name="Schema").wait_for()
    return desk.page


def grid(page: Page) -> Locator:
    found = page.get_by_role("grid", name="Changed rows")
    found.wait_for()
    return found


def pair(page: Page, key: str) -> None:
    field = page.get_by_label("Rows are named by")
    field.fill(key)
    field.press("Enter")


@pytest.mark.usefixtures("people")
def test_changed_rows_are_read_as_they_are_scrolled_to(desk: Desk) -> None:
    page = opened(desk, "people.csv")
    page.get_by_role("button", name="Pair rows by id").click()
    page.get_by_text(re.compile("1 added, 1 removed, 4,999 modified")).wait_for()
    rows = grid(page)
    rows.get_by_role("row").nth(1).wait_for()
    assert rows.get_attribute("aria-rowcount") == "5002"
    assert "12Ulm" not in rows.inner_text()
    desk.asked.clear()
    rows.focus()
    for _ in range(30):
        page.keyboard.press("End")
        page.wait_for_timeout(60)
    page.get_by_text(re.compile(r"5,001 rows, (?!100 read)")).wait_for()
    assert rows.get_by_role("row").count() <= MOST_DRAWN
    assert any("cursor=" in url for url in desk.asked)
    page.keyboard.press("Enter")
    page.get_by_role("table", name=re.compile("^Row ")).wait_for()
    desk.shot("diff-rows")


@pytest.mark.usefixtures("people")
def test_rows_are_filtered_by_column_and_kind(desk: Desk) -> None:
    page = opened(desk, "people.csv")
    pair(page, "id")
    page.get_by_role("combobox", name="Changes in").select_option("town")
    page.get_by_text(re.compile("500 rows, ")).wait_for()
    first = grid(page).locator("tr[data-kind=modified]").first
    assert first.locator("del").nth(1).inner_text() == "Bonn"
    assert first.locator("ins").nth(1).inner_text() == "Ulm"
    page.get_by_role("combobox", name="Show").select_option("added")
    page.get_by_text("No row fits.").wait_for()
    page.get_by_role("combobox", name="Changes in").select_option("")
    page.get_by_text(re.compile("1 row, 1 read")).wait_for()


@pytest.mark.usefixtures("people")
def test_a_key_that_repeats_is_an_error_that_can_be_mended(desk: Desk) -> None:
    page = opened(desk, "people.csv")
    pair(page, "town")
    page.get_by_role("alert").get_by_text("does not name one row").wait_for()
    pair(page, "id")
    grid(page)
    assert page.get_by_role("alert").count() == 0


@pytest.mark.usefixtures("people")
def test_columns_and_texts_are_shown(desk: Desk) -> None:
    page = opened(desk, "people.csv")
    pair(page, "id")
    page.get_by_role("tab", name="Columns").click()
    page.get_by_role("img", name="Changed cells of wage, before and after").wait_for()
    page.get_by_role("table", name="Most frequent in town").get_by_text("Ulm").wait_for()
    desk.shot("diff-columns")
    page = opened(desk, "notes")
    page.locator(".jp-Mlops-page:visible").get_by_role("button", name="a.txt").click()
    lines = page.get_by_label("Changed lines")
    lines.wait_for()
    assert [line.inner_text().strip() for line in lines.locator("[data-sign='+']").all()] == ["+2"]


@pytest.mark.usefixtures("people")
def test_pictures_stand_side_by_side(desk: Desk) -> None:
    page = opened(desk, "faces")
    page.get_by_role("button", name="a.png").click()
    page.get_by_text("12.50 % of the pixels differ.").wait_for()
    assert page.get_by_role("img", name="Before").evaluate("one => one.naturalWidth") == 8
    assert page.get_by_role("img", name="After").count() == 1
    desk.shot("diff-pictures")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_can_be_read_in_both_themes(desk: Desk, theme: str) -> None:
    desk.page.get_by_role("menuitem", name="Settings").click()
    desk.page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    desk.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^JupyterLab {theme}$")).click()
    desk.page.locator(".lm-Menu").first.wait_for(state="detached")
    page = opened(desk, "people.csv")
    pair(page, "id")
    grid(page).locator("ins").first.wait_for()
    page.wait_for_timeout(1_500)
    desk.shot(f"diff-{theme.lower()}")
    assert page.evaluate(CONTRAST) == []
