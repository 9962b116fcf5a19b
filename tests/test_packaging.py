"""What the project promises about itself as a package."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from jupyter_mlops.cli.lab import SIDEBAR

ROOT = Path(__file__).parents[1]
META = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_dependencies_are_ranges_not_pins():
    extras = META["project"]["optional-dependencies"].values()
    everything = META["project"]["dependencies"] + [line for extra in extras for line in extra]
    assert not [line for line in everything if "==" in line]


def test_the_base_installs_without_jupyterlab():
    assert not [line for line in META["project"]["dependencies"] if line.startswith("jupyterlab")]


def test_lock_files_name_no_host():
    text = (ROOT / "yarn.lock").read_text()
    assert "://" not in text.replace("https://yarnpkg.com", "")


def test_the_front_end_has_the_version_of_the_package():
    package = (ROOT / "package.json").read_text()
    assert f'"version": "{META["project"]["version"]}"' in package


def test_the_demo_opens_lab_on_the_sidebar_by_its_own_name():
    sidebar = (ROOT / "labextension" / "src" / "shell" / "sidebar.ts").read_text()
    assert f"this.id = '{SIDEBAR}'" in sidebar


def test_every_promised_file_is_there():
    wanted = "README.md CHANGELOG.md LICENSE Makefile .ci/run binder/postBuild docs/verbs.md docs/errors.md docs/benchmarks.md"
    assert not [name for name in wanted.split() if not (ROOT / name).exists()]


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text())
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_data_keeps_its_source_and_licence():
    text = (ROOT / "jupyter_mlops" / "example" / "data" / "README.md").read_text()
    assert "Census" in text
    assert "public domain" in text


def test_loading_the_magic_loads_nothing_heavy():
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
import jupyter_mlops
shell.run_line_magic("load_ext", "jupyter_mlops")
print(sorted({"dvc", "papermill", "plotly", "polars", "sklearn", "pandas", "pyarrow", "cyclopts", "ipywidgets", "distributed"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
