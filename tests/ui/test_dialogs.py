"""What is asked before something is done: dialogs, menus, and buttons that a role denies."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from ui.real_lab import Desk, mlops, notebook, open_sidebar, shell, write_table

pytestmark = pytest.mark.browser
SOCKETS = """window.sockets = []; window.WebSocket = class extends WebSocket {
  constructor(...words) { super(...words); window.sockets.push(this); } }"""


def choose(desk: Desk, row: str, entry: str) -> None:
    """Choose an entry of the menu of the first row that begins so."""
    desk.row(row).first.click(button="right")
    desk.page.locator(".lm-Menu-item", has_text=entry).first.click()


def fill(desk: Desk, **values: str) -> None:
    """Fill in the fields of the dialog in front, named by their labels."""
    for label, value in values.items():
        desk.page.locator(".jp-Dialog").get_by_label(label.replace("_", " "), exact=True).fill(value)


def line(desk: Desk) -> str:
    """The line that the dialog in front stands for."""
    return desk.page.locator(".jp-Dialog code").inner_text()


def test_a_version_is_tagged_and_the_tag_taken_back(desk: Desk) -> None:
    desk.row("data:").first.press("ArrowRight")
    desk.row("version:").first.wait_for()
    choose(desk, "version:", "Tag…")
    fill(desk, Name="published")
    assert line(desk) == "%mlops tag data/wages.csv@v2 published"
    desk.accept("Tag")
    desk.row("version:").filter(has_text="published").wait_for(timeout=30_000)
    desk.page.get_by_role("button", name="Undo").click()
    desk.row("version:").filter(has_text="published").wait_for(state="detached", timeout=30_000)


def test_data_is_imported_from_the_palette(desk: Desk) -> None:
    (desk.lab.root / "elsewhere.csv").write_text("a\n1\n")
    desk.page.keyboard.press("Control+Shift+C")
    desk.page.keyboard.type("Import data")
    desk.page.locator(".lm-CommandPalette-item", has_text="Import data…").first.click()
    fill(desk, From="../elsewhere.csv", What_it_is="a survey")
    desk.accept("Import")
    desk.row("data:data/elsewhere.csv").wait_for(timeout=30_000)
    assert "elsewhere" in mlops("log", "elsewhere", cwd=desk.lab.project)


def test_who_you_are_is_asked_once_and_the_work_goes_on(desk: Desk) -> None:
    config = Path(os.environ["HOME"]) / ".gitconfig"
    hidden = config.rename(config.with_name("hidden"))
    try:
        desk.row("data:").first.press("ArrowRight")
        choose(desk, "version:", "Tag…")
        fill(desk, Name="signed")
        desk.accept("Tag")
        desk.page.locator(".jp-Dialog").get_by_text("Who are you?", exact=True).wait_for(timeout=30_000)
        fill(desk, Name="Noor", Email="noor@example.org")
        desk.accept("Continue")
        desk.row("version:").filter(has_text="signed").wait_for(timeout=30_000)
    finally:
        hidden.rename(config)
    tagger = shell("git", "for-each-ref", "refs/tags", "--format=%(taggername)", cwd=desk.lab.project)
    assert "Noor" in tagger


def test_a_file_becomes_a_dataset_by_its_menu(desk: Desk) -> None:
    (desk.lab.project / "prices.csv").write_text("price\n1\n2\n")
    desk.page.get_by_role("tab", name="File Browser").click()
    desk.page.get_by_role("button", name="Refresh the file browser").click()
    desk.page.locator(".jp-DirListing-item", has_text="prices.csv").click(button="right")
    desk.page.locator(".lm-Menu-item", has_text="MLOps").last.hover()
    desk.page.locator(".lm-Menu-item", has_text="Commit version…").last.click()
    desk.page.locator(".jp-Dialog").get_by_text("These become new versions").wait_for(timeout=30_000)
    desk.shot("commit-dialog")
    desk.accept("Commit version")
    desk.toast("prices.csv v1 committed")


def test_a_model_is_registered_and_named(desk: Desk) -> None:
    mlops("run", cwd=desk.lab.project)
    desk.section("models").get_by_role("button", name="Register a model…").first.click()
    fill(desk, Model="wages")
    desk.accept("Register")
    desk.row("model:wages@v1").wait_for(timeout=30_000)
    choose(desk, "model:wages@v1", "Set alias…")
    assert line(desk) == "%mlops alias wages@champion v1"
    desk.accept("Set alias")
    desk.row("model:wages@v1").filter(has_text="champion").wait_for(timeout=30_000)


def test_a_cell_is_marked_as_parameters(desk: Desk) -> None:
    notebook(desk.lab.project / "plain.ipynb", "rows = 1", "rows")
    document = json.loads((desk.lab.project / "plain.ipynb").read_text())
    document["cells"][0]["metadata"] = {}
    (desk.lab.project / "plain.ipynb").write_text(json.dumps(document))
    desk.page.goto(desk.lab.page("project/plain.ipynb") + "&reset")
    desk.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    desk.page.locator(".jp-CodeCell").first.click(button="right")
    desk.page.locator(".lm-Menu-item", has_text="Mark as parameters").click()
    desk.page.keyboard.press("Control+s")
    desk.page.wait_for_function("document.title.includes('plain') && !document.querySelector('.jp-mod-dirty')")
    desk.page.wait_for_timeout(500)
    saved = json.loads((desk.lab.project / "plain.ipynb").read_text())
    assert saved["cells"][0]["metadata"]["tags"] == ["parameters"]


def test_lineage_and_drift_follow_a_dataset_to_its_new_version(desk: Desk) -> None:
    desk.row("data:data/wages.csv").click()
    title = desk.section("drift").get_by_text(re.compile(r"of wages v\d+"))
    before = title.inner_text()
    write_table(desk.lab.project, 390)
    mlops("commit", "data/wages.csv", "-m", "more people", cwd=desk.lab.project)
    desk.page.wait_for_function(
        "old => !document.querySelector('[data-section=drift]').innerText.includes(old)", arg=before, timeout=30_000
    )
    assert re.search(r"v\d+", title.inner_text())[0] != re.search(r"v\d+", before)[0]


def test_a_lost_line_comes_back_and_nothing_is_missed(desk: Desk) -> None:
    desk.page.add_init_script(SOCKETS)
    desk.page.goto(desk.lab.page() + "&reset")
    open_sidebar(desk.page)
    desk.row("data:").first.wait_for(timeout=60_000)
    desk.page.wait_for_function(
        "window.sockets.some(one => one.url.includes('/mlops/v1/watch') && one.readyState === 1)"
    )
    desk.page.evaluate("window.sockets.filter(one => one.url.includes('/mlops/v1/watch')).forEach(one => one.close())")
    (desk.lab.project / "late.csv").write_text("a\n1\n")
    mlops("commit", "late.csv", cwd=desk.lab.project)
    desk.row("data:late.csv").wait_for(timeout=30_000)


def test_thousands_of_versions_are_a_screenful_of_rows(desk: Desk) -> None:
    many_versions(desk, 2_000)
    row = desk.row("data:many.csv")
    row.wait_for(timeout=30_000)
    row.press("ArrowRight")
    more = desk.page.get_by_role("button", name="Show older")
    more.wait_for(timeout=30_000)
    more.click()
    desk.row("version:many.csv@v1990").wait_for(timeout=30_000)
    box = desk.page.locator(".jp-Mlops-window")
    box.evaluate("node => node.scrollTo(0, 26 * 150)")
    desk.row("version:many.csv@v1850").wait_for(timeout=30_000)
    desk.shot("many-versions")
    assert desk.row("version:").count() <= 60


def test_a_viewer_sees_grey_buttons_that_say_why(desk: Desk) -> None:
    settings = desk.lab.project / "mlops.toml"
    before = settings.read_text()
    settings.write_text(f'{before}\n[roles]\n"*" = "viewer"\n')
    try:
        commit = desk.section("data").get_by_role("button", name="Commit version…")
        desk.page.wait_for_function(
            "document.querySelector('[data-section=data] button[aria-label^=Commit]').ariaDisabled === 'true'",
            timeout=30_000,
        )
        assert commit.get_attribute("title") == "You are a viewer. `commit` needs data scientist."
        commit.click(force=True)
        assert desk.page.locator(".jp-Dialog").count() == 0
        desk.shot("viewer")
    finally:
        settings.write_text(before)


def many_versions(desk: Desk, count: int) -> None:
    """A dataset with `count` versions, each a commit of its pointer, written by git's fast way in."""
    parts = []
    for number in range(count):
        text = f"outs:\n- md5: {number:032x}\n  size: 1\n  hash: md5\n  path: many.csv\n"
        parts.append(
            f"commit refs/heads/main\ncommitter Sara <sara@example.org> {1_700_000_000 + number} +0000\n"
            f"data <<END\nday {number}\nEND\n"
            + ("from refs/heads/main^0\n" if number == 0 else "")
            + f"M 644 inline many.csv.dvc\ndata {len(text)}\n{text}\n"
        )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=desk.lab.project, input="".join(parts).encode(), check=True)
    shell("git", "checkout", "-q", "HEAD", "--", "many.csv.dvc", cwd=desk.lab.project)
