"""The project as a whole: how it is founded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb


@attrs.frozen
class Initialised:
    """What `init` wrote; an existing project gains only what it lacked."""

    root: str
    files: tuple[str, ...]
    git_commit: str | None = None


@verb(Group.DATA, Action.ADMINISTER, daily=True, anywhere=True, signs=True)
def init(
    call: Call,
    *,
    remote: str = "",
    ci: str = "",
    yes: Annotated[bool, Option("-y")] = False,
    git: bool = True,
    dry_run: bool = False,
) -> Initialised:
    """Make this folder a project, or add what an existing one lacks.

    Parameters
    ----------
    remote
        Address of a DVC remote: a folder, ``s3://…``, ``ssh://…``.
    ci
        Write the recipe for ``github``, ``gitlab`` or ``shell``.
    yes
        Create the git repository without asking.
    git
        Commit the written files to git.
    dry_run
        Say what would be written; write nothing.
    """
    from jupyter_mlops.versioning.founding import create_repository
    from jupyter_mlops.versioning.recipes import recipe

    recipes = dict([recipe(ci)]) if ci else {}
    project = _around(call)
    if project is None:
        if not (yes or dry_run or call.ask(f"{call.folder} is not in a git repository. Create one?")):
            raise UsageError(
                "not-a-git-repository",
                "This folder is not in a git repository.",
                context=str(call.folder),
                hint="init --yes creates one.",
            )
        if not dry_run:
            create_repository(call.folder)
            project = _around(call)
    root = project.root if project else call.folder
    files = _lacking(root, remote, recipes)
    if dry_run or project is None:
        return Initialised(str(root), tuple(files))
    return _founded(attrs.evolve(call, opened=project), files, git=git)


def _around(call: Call) -> Project | None:
    try:
        return call.project
    except UsageError:
        return None


def _lacking(root: Path, remote: str, recipes: dict[str, str]) -> dict[str, str]:
    """Text of each file that `init` would write, by path."""
    from jupyter_mlops.versioning.founding import (
        SETTINGS_FILE,
        missing_dvc_files,
        settings_text,
        with_merge_attribute,
        with_remote,
    )

    files = missing_dvc_files(root)
    if not (root / SETTINGS_FILE).exists():
        files[SETTINGS_FILE] = settings_text(root.name)
    attributes = root / ".gitattributes"
    before = attributes.read_text(encoding="utf-8") if attributes.is_file() else ""
    if (after := with_merge_attribute(before)) != before:
        files[".gitattributes"] = after
    files |= {path: text for path, text in recipes.items() if not (root / path).exists()}
    if remote:
        config = root / ".dvc" / "config"
        before = config.read_text(encoding="utf-8") if config.exists() else ""
        after = with_remote(before, remote, root)
        if after != before:
            files[".dvc/config"] = after
    return files


def _founded(call: Call, files: dict[str, str], *, git: bool) -> Initialised:
    """Write `files`, set up the shared records, and commit what was written."""
    from jupyter_mlops.versioning.founding import add_refspecs, set_merge_driver, write_files

    project = call.project
    who = (
        require_known(call.actor if call.actor.source != "unknown" else project.actor) if git and files else call.actor
    )
    if git and files:
        project.git.require_committable()
    write_files(project.root, files)
    project.places.claim_scratch()
    add_refspecs(project.git)
    set_merge_driver(project.git)
    commit = project.git.commit_only(files, "set up jupyter-mlops", who) if git and files else None
    return Initialised(str(project.root), tuple(files), commit)
