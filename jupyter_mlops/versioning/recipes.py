"""The CI recipes that ``init --ci`` writes: each has one step of ours, ``jupyter mlops ci``."""

from __future__ import annotations

from jupyter_mlops.errors import UsageError

GITHUB = """\
name: mlops
on:
  push:
  pull_request:
permissions:
  contents: read
jobs:
  mlops:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: |
          pip install jupyter-mlops
          test ! -f requirements.txt || pip install -r requirements.txt
      - run: jupyter mlops ci
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: mlops
          path: ci-report/
          if-no-files-found: ignore
"""

GITLAB = """\
mlops:
  image: python:3.12
  variables:
    GIT_DEPTH: "0"
  before_script:
    - pip install jupyter-mlops
    - test ! -f requirements.txt || pip install -r requirements.txt
  script:
    - jupyter mlops ci
  artifacts:
    when: always
    paths:
      - ci-report/
"""

SHELL = """\
#!/bin/sh
# Runs wherever git, Python and this project are.
set -eu
cd "$(dirname "$0")"
jupyter mlops ci
"""

RECIPES = {
    "github": (".github/workflows/mlops.yml", GITHUB),
    "gitlab": (".gitlab-ci.yml", GITLAB),
    "shell": ("ci.sh", SHELL),
}


def recipe(kind: str) -> tuple[str, str]:
    """The file and the text of the recipe `kind`.

    Raises
    ------
    UsageError
        ``unknown-ci``.
    """
    if kind in RECIPES:
        return RECIPES[kind]
    raise UsageError("unknown-ci", f"There is no CI recipe {kind}.", hint=f"init --ci {'|'.join(RECIPES)}")
