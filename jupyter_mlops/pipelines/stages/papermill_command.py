"""The papermill command line of a stage: composed so that a person can read it, and read back."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import TypeGuard

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.records import Scalar

Value = Scalar | list[Scalar]

SHELL = re.compile(r"[;&|<>`\n]|\$\(")
REFERENCE = re.compile(r"\$\{\s*([^}]+?)\s*\}")
UNQUOTABLE = re.compile(r'["\\$`\n]')
YAML_ITEM = re.compile(r"^(\w+): (?:\[.*\]|.*)$", re.DOTALL)


@attrs.frozen
class NotebookCommand:
    """``papermill NOTEBOOK OUTPUT …`` in parts.

    Attributes
    ----------
    parameters
        Names to values as typed by papermill's own rules.
    kernel, cwd
        From ``-k`` and ``--cwd``; None when not given.
    files
        From ``-f``: files of parameters, below the root; `parameters` prevail.
    """

    notebook: str
    output: str
    parameters: Mapping[str, Value]
    kernel: str | None = None
    cwd: str | None = None
    files: tuple[str, ...] = ()

    @classmethod
    def parse(cls, command: object) -> NotebookCommand | None:
        """`command` in parts, or None when it is anything but one papermill call we understand wholly."""
        if not isinstance(command, str) or SHELL.search(command):
            return None
        try:
            words = shlex.split(command)
        except ValueError:
            return None
        if words[:3] in (["python", "-m", "papermill"], ["python3", "-m", "papermill"]):
            words = words[2:]
        return _parsed(words[1:]) if words and words[0] == "papermill" else None


def _parsed(words: Sequence[str]) -> NotebookCommand | None:
    paths: list[str] = []
    named: dict[str, str] = {}
    parameters: dict[str, Value] = {}
    files: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-p", "--parameters", "-r", "--parameters_raw") and len(rest) > 1:
            name, text = rest.pop(0), rest.pop(0)
            parameters[name] = text if "r" in word[1:3] or word.endswith("raw") else typed(text)
        elif word in ("-y", "--parameters_yaml") and rest:
            parameters.update(_yaml(rest.pop(0)))
        elif word in ("-f", "--parameters_file") and rest:
            files.append(rest.pop(0))
        elif word in ("-k", "--kernel", "-l", "--language", "--cwd", "--engine") and rest:
            named[word] = rest.pop(0)
        elif word in ("--no-progress-bar", "--progress-bar", "--log-output", "--no-log-output"):
            continue
        elif word.startswith("-"):
            return None
        else:
            paths.append(word)
    if len(paths) != 2:
        return None
    kernel = named.get("-k") or named.get("--kernel")
    return NotebookCommand(paths[0], paths[1], parameters, kernel, named.get("--cwd"), tuple(files))


def typed(text: str) -> Value:
    """A ``-p`` value as papermill reads it: True, False, None, a number, else text."""
    words: dict[str, Value] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _yaml(text: str) -> dict[str, Value]:
    try:
        loaded = yaml_files.parse(text)
    except yaml_files.yaml_error():
        return {}
    return loaded if isinstance(loaded, dict) else {}


def is_value(value: object) -> TypeGuard[Value]:
    """Whether `value` is a single value, or a list of those."""
    items = value if isinstance(value, list) else [value]
    return all(item is None or isinstance(item, str | int | float | bool) for item in items)


def compose(command: NotebookCommand, stage: str, shared: Collection[str] = ()) -> str:
    """`command` as the template of a stage whose parameters are ``STAGE.NAME`` in ``params.yaml``.

    Those in `shared` go by their own names: they stand at the top of other files.

    Numbers go by ``-p``, text by ``-r`` (which papermill never converts), truth values and
    lists by ``-y``, because DVC writes ``true`` where ``-p`` wants ``True``.

    Raises
    ------
    UsageError
        ``parameter-not-quotable``.
    """
    words = ["papermill", shlex.quote(command.notebook), shlex.quote(command.output)]
    words += ["--cwd", shlex.quote(command.cwd)] if command.cwd else []
    words += [f"-f {shlex.quote(path)}" for path in command.files]
    keys = {name: name if name in shared else f"{stage}.{name}" for name in command.parameters}
    words += [_argument(name, value, keys[name]) for name, value in command.parameters.items()]
    return " ".join(words)


def literal(command: NotebookCommand) -> str:
    """`command` as one line with its values in it, for a notebook that is no stage."""
    words = ["papermill", command.notebook, command.output]
    for flag, value in (("-k", command.kernel), ("--cwd", command.cwd)):
        words += [flag, value] if value else []
    for path in command.files:
        words += ["-f", path]
    for name, given in command.parameters.items():
        words += ["-r", name, given] if isinstance(given, str) else ["-y", f"{name}: {json.dumps(given)}"]
    return shlex.join(words)


def _argument(name: str, value: Value, key: str) -> str:
    require_quotable(name, value)
    if isinstance(value, list):
        items = ", ".join(_item(item, f"{key}[{index}]") for index, item in enumerate(value))
        return f'-y "{name}: [{items}]"'
    if isinstance(value, bool):
        return f'-y "{name}: ${{{key}}}"'
    if isinstance(value, str):
        return f'-r {name} "${{{key}}}"'
    return f"-p {name} ${{{key}}}"


def _item(value: Scalar, key: str) -> str:
    if value is None:
        return "null"
    return f"'${{{key}}}'" if isinstance(value, str) else f"${{{key}}}"


def require_quotable(name: str, value: Value) -> None:
    """Refuse text that a shell would read as something else than itself."""
    for text in value if isinstance(value, list) else [value]:
        in_list = isinstance(value, list) and isinstance(text, str) and "'" in text
        if isinstance(text, str) and (UNQUOTABLE.search(text) or in_list):
            raise UsageError(
                "parameter-not-quotable",
                f"The value of {name} cannot stand in a command line.",
                context=json.dumps(text),
                hint="Leave out quotes, dollars, backslashes and line ends, or read it from a file.",
            )


def references(template: object) -> dict[str, str]:
    """Parameter name to the key in ``params.yaml`` that its value comes from."""
    if not isinstance(template, str):
        return {}
    try:
        words = shlex.split(template)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for flag, following, after in zip(words, words[1:], [*words[2:], ""], strict=False):
        if flag in ("-p", "-r") and (match := REFERENCE.fullmatch(after)):
            found[following] = match[1]
        elif flag == "-y" and (item := YAML_ITEM.match(following)) and (match := REFERENCE.search(following)):
            found[item[1]] = match[1].partition("[")[0]
    return found
