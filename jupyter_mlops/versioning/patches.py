"""What the working tree has besides a commit, as one patch that git can apply: small, and without secrets.

It is taken in two steps. `look` reads the tree before a run, `patch` compares what was read with the commit that the
run ended in, so that what the run itself committed is in neither.
"""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

import attrs

from jupyter_mlops.records import Places, write_atomically
from jupyter_mlops.trust.detecting import blacked_out
from jupyter_mlops.versioning.git import Git

FILE_BYTES = 1 << 20
PATCH_BYTES = 4 << 20
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
CODE = frozenset({".ipynb", ".py", ".pyi", ".r", ".jl", ".sh", ".sql", ".js", ".ts"})
"""What a stage reads and git keeps; other inputs are data."""
KEPT = CODE | {".yaml", ".yml", ".toml", ".dvc"}
"""What is kept of files that git does not know yet; the rest is data or a person's own."""

Clean = Callable[[str, bytes], bytes]
"""A path and what it holds, to what of it counts."""


@attrs.frozen
class Changes:
    """What the working tree held that its commit did not.

    Attributes
    ----------
    files
        Path below the root to content; None for what was deleted.
    unkept
        What is not among them, and why.
    """

    files: Mapping[str, bytes | None] = attrs.field(factory=dict)
    unkept: tuple[str, ...] = ()


@attrs.frozen
class Patch:
    """Changes as git writes them; `unkept` says what is missing, and what was blacked out."""

    text: bytes
    unkept: tuple[str, ...] = ()


class Patches:
    """The changes of one working tree.

    Parameters
    ----------
    places, git
        Where the project is, and its repository.
    clean
        Takes away what does not count, such as the outputs of a notebook.
    """

    def __init__(self, places: Places, git: Git, clean: Clean) -> None:
        self._places = places
        self._git = git
        self._clean = clean

    def look(self, made: Collection[str] = ()) -> Changes:
        """What differs from HEAD now: tracked files, and code that git does not know yet.

        Parameters
        ----------
        made
            Paths that a run writes: they are its results, not what it ran with.
        """
        base = self._git.head() or EMPTY_TREE
        plain = ("--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules")
        tracked = self._names("diff", "--name-only", "--relative", *plain, "-z", base, "--")
        patterns = [f":(glob,icase)**/*{suffix}" for suffix in sorted(KEPT)]
        new = self._names("ls-files", "--others", "--exclude-standard", "-z", "--", *patterns)
        files: dict[str, bytes | None] = {}
        unkept = []
        for name in sorted({*tracked, *new}):
            if name in made or any(name.startswith(f"{path}/") for path in made):
                continue
            if reason := self._reason_against(name):
                unkept.append(f"{name} {reason}")
            else:
                files[name] = self._read(name)
        return Changes(files, tuple(unkept))

    def _names(self, *arguments: str) -> list[str]:
        return [name for name in self._git.run(*arguments).split("\0") if name]

    def _reason_against(self, name: str) -> str:
        """Why the file is not kept, empty when it is: a link could lead to a file of somebody else."""
        try:
            status = (self._places.root / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        if not stat.S_ISREG(status.st_mode):
            return "is no plain file"
        large = status.st_size > FILE_BYTES and not name.endswith(".ipynb")
        return "is too large to be kept" if large else ""

    def _read(self, name: str) -> bytes | None:
        try:
            return self._clean(name, (self._places.root / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def patch(self, changes: Changes, commit: str | None) -> Patch:
        """What leads from `commit` to `changes`; what looks like a secret is blacked out and told."""
        text = b""
        unkept = list(changes.unkept)
        for name, held, now in self._pairs(changes, commit):
            clean, count = _without_secrets(name, held, now)
            part = b"" if clean == held else _difference(name, held, clean)
            if len(text) + len(part) > PATCH_BYTES or len(clean or b"") > FILE_BYTES:
                unkept.append(f"{name} is too large to be kept")
                continue
            text += part
            if count:
                unkept.append(f"{name} holds {count} secret{'s' * (count > 1)}, blacked out")
        return Patch(text, tuple(unkept))

    def _pairs(self, changes: Changes, commit: str | None) -> Iterator[tuple[str, bytes | None, bytes | None]]:
        """Name, what `commit` holds, what the tree held; those that differ."""
        for name, now in changes.files.items():
            held = self.content(name, commit)
            if held != now:
                yield name, held, now

    def content(self, name: str, commit: str | None) -> bytes | None:
        """What counts of the file `name` in `commit`; None when it has no such file."""
        import pygit2

        repository = pygit2.Repository(str(self._places.git_dir))
        above = self._places.root.resolve().relative_to(self._places.repository)
        try:
            entry = repository[commit].peel(pygit2.Tree)[(above / name).as_posix()] if commit else None
        except (KeyError, ValueError):
            return None
        return self._clean(name, entry.data) if isinstance(entry, pygit2.Blob) else None

    def restored(self, patch: bytes, commit: str | None) -> dict[str, bytes | None]:
        """The files that `patch` names as the tree held them, given `commit`; None for what it deletes.

        Raises
        ------
        EnvironmentFault
            ``git-failed``: it does not fit `commit`.
        """
        import pygit2

        if not patch:
            return {}
        names = [delta.new_file.path or delta.old_file.path for delta in pygit2.Diff.parse_diff(patch).deltas]
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                if (held := self.content(name, commit)) is not None:
                    write_atomically(Path(folder, name), held)
            Git(Path(folder)).run("apply", "--whitespace=nowarn", "-", stdin=patch, environment=_alone(folder))
            return {name: _plain_file(Path(folder, name)) for name in names}


def _alone(folder: str) -> dict[str, str]:
    """Settings under which git sees no repository around `folder`."""
    return {"GIT_CEILING_DIRECTORIES": str(Path(folder).parent)}


def _plain_file(path: Path) -> bytes | None:
    """What `path` holds; nothing when a patch made it a link to somewhere else."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def _difference(name: str, held: bytes | None, now: bytes | None) -> bytes:
    import pygit2

    flag = pygit2.enums.DiffOption.SHOW_BINARY
    patch = pygit2.Patch.create_from(held, now, old_as_path=name, new_as_path=name, flag=flag)
    return patch.data


def _without_secrets(name: str, held: bytes | None, now: bytes | None) -> tuple[bytes | None, int]:
    """`now` without secrets, and how many there were; what `held` says already is public."""
    if now is None:
        return None, 0
    try:
        text = now.decode()
    except UnicodeDecodeError:
        return now, 0
    public = frozenset((held or b"").decode(errors="replace").splitlines())
    clean, count = blacked_out(text, public, is_code=PurePosixPath(name).suffix.lower() in CODE)
    return (clean.encode() if count else now), count
