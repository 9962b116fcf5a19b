"""The stages that write the keys of notebooks: one generated group in ``dvc.yaml``, an item a notebook.

Plain ``dvc repro`` runs such a stage when its notebook changes, and goes on only when the key changed too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.specs import KEYS, Out, StageSpec, key_path

GROUP = "notebook-key"
SCRIPT = f"{KEYS}/notebook_key.py"
ITEM = "${item}"
COMMAND = re.compile(rf'python {re.escape(SCRIPT)} "(?P<notebook>[^"]+\.ipynb)" "(?P<key>[^"]+)"')
UNQUOTABLE = re.compile(r'["\\$`\n{}]')


def can_have(notebook: str) -> bool:
    """Whether the path of `notebook` can stand in the command line of a template."""
    return not UNQUOTABLE.search(notebook) and notebook.endswith(".ipynb")


def notebook_of(stage: StageSpec) -> str | None:
    """The notebook whose key `stage` writes; None for any stage that is not generated for that."""
    match = COMMAND.fullmatch(stage.command) if isinstance(stage.command, str) else None
    if not match or match["key"] != key_path(match["notebook"]) or stage.folder != ".":
        return None
    is_whole = set(stage.deps) == {match["notebook"], SCRIPT} and stage.outs == (Out(match["key"], cached=False),)
    return match["notebook"] if is_whole and not stage.frozen and not stage.always_changed else None


def hidden(stages: Iterable[StageSpec]) -> Iterator[StageSpec]:
    """`stages` without those that only write keys: nobody made these by hand."""
    return (stage for stage in stages if notebook_of(stage) is None)


def stage_of(notebook: str) -> StageSpec:
    """The stage that writes the key of `notebook`."""
    stem = notebook.removesuffix(".ipynb")
    line = _command(stem)
    return StageSpec(f"{GROUP}@{stem}", line, line, (notebook, SCRIPT), (Out(key_path(notebook), cached=False),))


def require_free(root: Path, name: str) -> None:
    """Check that neither our group is called something else's name, nor a new stage ours.

    Raises
    ------
    UsageError
        ``bad-stage-name``.
    """
    stages = yaml_files.load_mapping(root / "dvc.yaml").get("stages") or {}
    is_taken = isinstance(stages, dict) and SCRIPT not in str(stages.get(GROUP, SCRIPT))
    if name == GROUP or is_taken:
        raise UsageError(
            "bad-stage-name",
            f"The name {GROUP} is kept for the keys of notebooks.",
            hint="Rename that stage in dvc.yaml." if is_taken else "Choose another name.",
        )


def include(root: Path, notebook: str) -> None:
    """Let ``dvc.yaml`` have the stage that writes the key of `notebook`."""
    stem = notebook.removesuffix(".ipynb")

    def change(document: Any) -> None:
        if not isinstance(document.get("stages"), dict):
            document["stages"] = {}
        group = document["stages"].setdefault(GROUP, {"foreach": [], "do": _template()})
        if group["do"] != _template():
            group["do"] = _template()
        items = group["foreach"]
        if stem not in items:
            items.insert(sum(str(item) < stem for item in items), stem)

    yaml_files.edit(root / "dvc.yaml", change)


def exclude(root: Path, notebook: str) -> bool:
    """Take the stage that writes the key of `notebook` out of ``dvc.yaml``; whether it was the last."""
    stem = notebook.removesuffix(".ipynb")
    stems = _stems(yaml_files.load_mapping(root / "dvc.yaml").get("stages") or {})
    if stem not in stems:
        return False
    if stems == [stem]:
        yaml_files.drop(root / "dvc.yaml", "stages", GROUP)
        return True
    yaml_files.edit(root / "dvc.yaml", lambda document: document["stages"][GROUP]["foreach"].remove(stem))
    return False


def _stems(stages: Mapping[str, Any]) -> list[str]:
    """The notebooks, without their suffix, in our group of `stages`; none when the group is not ours."""
    group = stages.get(GROUP)
    if not isinstance(group, dict) or SCRIPT not in str(group.get("do")) or not isinstance(group.get("foreach"), list):
        return []
    return [str(item) for item in group["foreach"]]


def _command(stem: str) -> str:
    return f'python {SCRIPT} "{stem}.ipynb" "{key_path(stem)}"'


def _template() -> dict[str, Any]:
    return {
        "cmd": _command(ITEM),
        "deps": [f"{ITEM}.ipynb", SCRIPT],
        "outs": [{key_path(ITEM): {"cache": False}}],
    }
