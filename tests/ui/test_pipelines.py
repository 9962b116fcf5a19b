"""Stages, runs and sweeps: made, stopped, looked into and applied with the mouse."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from ui.people import sheet
from ui.real_lab import Desk, mlops, notebook, shell
from ui.test_dialogs import choose, fill, line

pytestmark = pytest.mark.browser

SCORE = "import json; json.dump({'auc': round(1 - (C - 0.3) ** 2, 6)}, open('score.json', 'w'))"


@pytest.fixture(autouse=True)
def _swept(desk: Desk) -> None:
    """A second stage, committed, whose score is best at C = 0.3, and a sweep over it."""
    root = desk.lab.project
    if (root / "score.ipynb").exists():
        return
    notebook(root / "score.ipynb", "C = 0.9", "open('wide.txt', 'w').write(str(C))", SCORE)
    mlops("stage", "add", "score", "score.ipynb", "-p", "C=0.9", "-o", "wide.txt", "-M", "score.json", cwd=root)
    mlops("run", "score", cwd=root)
    flags = ("-s", "C=[0.1,0.3,0.7]", "--sampler", "grid", "--metric", "auc", "--maximize", "-j", "2")
    mlops("sweep", "score", *flags, cwd=root)


def test_the_board_of_a_sweep_shows_every_trial(desk: Desk) -> None:
    row = desk.row("sweep:").first
    row.filter(has_text="3/3 trials, best 1").wait_for(timeout=30_000)
    desk.row("stage:").last.focus()
    desk.page.keyboard.press("ArrowDown")
    assert row.evaluate("row => row === document.activeElement")
    desk.shot("sweep-row")
    desk.page.keyboard.press("Enter")
    table = sheet(desk).get_by_role("table", name="Trials, the best first")
    table.wait_for(timeout=30_000)
    first, *others = table.locator("tbody tr").all()
    assert len(others) == 2
    assert [text.strip() for text in first.locator("td").all_inner_texts()[2:4]] == ["1", "0.3"]
    names = sheet(desk).locator(".js-plotly-plot .axis-title")
    names.first.wait_for(timeout=30_000)
    assert names.all_text_contents() == ["C", "auc"]
    desk.shot("sweep-board")


def test_applying_a_sweep_restores_its_best(desk: Desk) -> None:
    params, wide = (desk.lab.project / name for name in ("params.yaml", "wide.txt"))
    assert "0.9" in params.read_text()
    choose(desk, "sweep:", "Apply the best…")
    desk.page.locator(".jp-Dialog").get_by_text("C = 0.3").wait_for(timeout=30_000)
    assert line(desk) == "%mlops sweep apply 1"
    desk.shot("sweep-apply")
    desk.accept("Apply")
    desk.toast("The best of sweep #1 is applied")
    assert "0.3" in params.read_text()
    assert wide.read_text() == "0.3"


def test_a_right_click_on_a_notebook_finds_what_its_stage_reads_and_writes(desk: Desk) -> None:
    root = desk.lab.project
    count = "open('count.txt', 'w').write(str(len(open('data/wages.csv').readlines())))"
    notebook(root / "count.ipynb", "step = 1", count, "import json; json.dump({'lines': 1}, open('count.json', 'w'))")
    shell("git", "add", "count.ipynb", cwd=root)
    desk.page.locator('.jp-SideBar [data-id="filebrowser"]').click()
    desk.page.locator(".jp-DirListing-item", has_text="count.ipynb").click(button="right", timeout=60_000)
    desk.page.locator(".lm-Menu-item", has_text="MLOps").hover()
    desk.page.locator(".lm-Menu-item", has_text="Run as stage…").click()
    fill(desk, Name="lines")
    assert line(desk) == "%mlops run count.ipynb --stage lines"
    desk.shot("run-as-stage")
    desk.accept("Run")
    desk.toast(r"Stage lines reads data/wages.csv and writes count.txt, count.json")
    stage = next(
        one for one in json.loads(mlops("stage", "list", "--json", cwd=root))["stages"] if one["name"] == "lines"
    )
    assert (stage["deps"], stage["metrics"]) == (["count.ipynb", "data/wages.csv"], ["count.json"])
    desk.page.locator('.jp-SideBar [data-id="jupyter-mlops"]').click()
    desk.row("stage:lines").filter(has_text="up to date").wait_for(timeout=30_000)


def test_a_stage_is_edited_and_keeps_the_rest(desk: Desk) -> None:
    choose(desk, "stage:score", "Edit stage…")
    fill(desk, Retries="2", **{"Timeout (s)": "600"})
    assert line(desk) == "%mlops stage edit score --retries 2 --timeout 600"
    desk.shot("edit-stage")
    desk.accept("Save")
    desk.toast("Stage score saved")
    stages = json.loads(mlops("stage", "list", "--json", cwd=desk.lab.project))["stages"]
    score = next(one for one in stages if one["name"] == "score")
    assert (score["limits"]["retries"], score["limits"]["timeout"]) == (2, 600)
    assert "wide.txt" in score["outs"]
    assert score["metrics"] == ["score.json"]


def test_a_stage_is_heard_by_way_of_the_keyboard_and_says_what_it_does_not_declare(desk: Desk) -> None:
    root = desk.lab.project
    notebook(root / "sly.ipynb", "a = 1", "open('sly.txt', 'w').write(open('data/wages.csv').readline())")
    mlops("stage", "add", "sly", "sly.ipynb", "-p", "a=1", "-o", "sly.txt", cwd=root)
    row = desk.row("stage:sly")
    row.wait_for(timeout=30_000)
    row.focus()
    desk.page.keyboard.press("Shift+F10")
    entry = desk.page.locator(".lm-Menu-item", has_text="Run and hear what it reads and writes")
    entry.wait_for(timeout=30_000)
    desk.shot("stage-menu")
    while "lm-mod-active" not in (entry.get_attribute("class") or ""):
        desk.page.keyboard.press("ArrowDown")
    desk.page.keyboard.press("Enter")
    desk.toast(r"sly reads data/wages.csv, which it does not declare: Edit stage.")
    desk.shot("undeclared")


def test_a_failed_run_opens_at_its_cell_and_tells_all(desk: Desk) -> None:
    root = desk.lab.project
    cells = ["a = 1", *(f"a += {each}" for each in range(30)), "int('x')", "a += 100"]
    notebook(root / "fails.ipynb", *cells)
    mlops("stage", "add", "fails", "fails.ipynb", "-p", "a=2", "-d", "data/wages.csv", cwd=root)
    command = [sys.executable, "-m", "jupyter_mlops", "run", "fails"]
    failed = subprocess.run(command, cwd=root, capture_output=True, check=False)
    assert failed.returncode != 0
    row = desk.row("run:").filter(has_text="cell 32").first
    row.wait_for(timeout=30_000)
    row.press("Enter")
    active = desk.page.locator(".jp-NotebookPanel:visible .jp-Cell.jp-mod-active")
    active.filter(has_text="int('x')").wait_for(timeout=30_000)
    desk.shot("failed-cell")
    row.click(button="right")
    desk.page.locator(".lm-Menu-item", has_text="Show details").click()
    sheet(desk).get_by_role("table", name="Stages").get_by_text("cell 32").wait_for(timeout=30_000)
    desk.shot("run-details")


def test_a_run_of_a_terminal_shows_its_cells_and_is_stopped(desk: Desk) -> None:
    root = desk.lab.project
    notebook(root / "slow.ipynb", "a = 1", "a += 1", "import time; time.sleep(120)", "a += 2")
    mlops("stage", "add", "slow", "slow.ipynb", "-d", "data/wages.csv", cwd=root)
    command = [sys.executable, "-m", "jupyter_mlops", "run", "slow"]
    terminal = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        row = desk.row("run:").filter(has_text=re.compile(r"slow.*cell \d/4", re.DOTALL))
        row.wait_for(timeout=60_000)
        row.hover()
        desk.shot("running")
        row.get_by_role("button", name="Stop").click()
        terminal.wait(60)
    finally:
        if terminal.poll() is None:
            terminal.terminate()
    assert terminal.returncode != 0
    desk.row("run:").filter(has_text="slow").filter(has_text="stopped").first.wait_for(timeout=30_000)
