"""The outputs of two executions compared, each by what it is: bytes first, then what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import attrs

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.reproduction import documents, executed, rows
from jupyter_mlops.pipelines.reproduction.differing import OutputDifference, Tolerance
from jupyter_mlops.pipelines.reproduction.texts import first_difference, same_numbers
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.profiles.pictures import differing, remarks
from jupyter_mlops.profiles.tables import FORMATS

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
DOCUMENTS = frozenset({".json", ".yaml", ".yml", ".toml"})
MODELS = frozenset({".skops", ".onnx", ".joblib", ".pkl", ".pickle"})
LARGEST_TEXT = 32 << 20

Predictions = Callable[[Path, Path, str, float], tuple[bool, str]]
"""Compares two model files of a format by what they predict: whether within the ratio, and how far apart in words."""


@attrs.frozen
class File:
    """A file of an output: its digest, and where it can be read."""

    digest: str
    location: Path


Files = Mapping[str, File]
"""The files of all outputs of one execution, by path below the root."""


@attrs.frozen
class Outputs:
    """How outputs are compared.

    Attributes
    ----------
    tolerance
        For numbers.
    kinds
        Path to what ``dvc.yaml`` calls it, when it is more than an output: ``metrics``.
    notebooks
        The executed notebooks among them.
    predictions
        Compares models.
    roots
        The folders in which both sides were executed.
    """

    tolerance: Tolerance
    predictions: Predictions
    kinds: Mapping[str, str] = attrs.field(factory=dict)
    notebooks: frozenset[str] = frozenset()
    roots: Sequence[str] = ()

    def compare(self, before: Files, after: Files) -> tuple[OutputDifference, ...]:
        """All that differs."""
        return tuple(difference for name in sorted({*before, *after}) for difference in self._file(name, before, after))

    def _file(self, name: str, before: Files, after: Files) -> Iterator[OutputDifference]:
        if name not in after:
            yield OutputDifference(name, "missing", "it was not written")
        elif name not in before:
            yield OutputDifference(name, "added", "it was written, and was not before")
        elif before[name].digest != after[name].digest:
            yield from self._content(name, before[name].location, after[name].location)

    def _content(self, name: str, before: Path, after: Path) -> Iterator[OutputDifference]:
        suffix = PurePosixPath(name).suffix.lower()
        try:
            if name in self.notebooks:
                yield from self._notebook(name, before, after)
            elif suffix in DOCUMENTS:
                yield from self._document(name, before, after)
            elif suffix in FORMATS:
                yield self._table(name, before, after)
            elif suffix in PICTURES:
                yield _picture(name, before, after)
            elif suffix in MODELS:
                yield self._model(name, suffix, before, after)
            else:
                yield self._text(name, before, after)
        except (MlopsError, ValueError, RecursionError, yaml_files.yaml_error()) as error:
            said = error.message if isinstance(error, MlopsError) else type(error).__name__
            yield OutputDifference(
                name, "file", f"its bytes differ, and it cannot be read as what its name says: {said}"
            )

    def _notebook(self, name: str, before: Path, after: Path) -> Iterator[OutputDifference]:
        compared = executed.Comparison(self.tolerance, self.roots).compare(before.read_bytes(), after.read_bytes())
        for each in compared:
            yield OutputDifference(name, "cell", each.detail, each.within, each.cell, each.before, each.after)

    def _document(self, name: str, before: Path, after: Path) -> Iterator[OutputDifference]:
        kind = "metrics" if self.kinds.get(name) == "metrics" else "json"
        apart = [*documents.compare(_read(name, before), _read(name, after), self.tolerance)]
        for each in apart[: documents.MOST]:
            how = "is close enough" if each.within else "differs"
            yield OutputDifference(name, kind, f"{each.key} {how}", each.within, None, each.before, each.after)
        if len(apart) > documents.MOST:
            rest = apart[documents.MOST :]
            yield OutputDifference(name, kind, f"{len(rest)} more values differ", all(each.within for each in rest))
        if not apart:
            yield OutputDifference(name, kind, "every value is the same, written otherwise", within=True)

    def _table(self, name: str, before: Path, after: Path) -> OutputDifference:
        found = rows.compare(before, after, name, self.tolerance)
        if found is None:
            return self._text(name, before, after)
        return OutputDifference(name, found.kind, found.detail, found.within)

    def _model(self, name: str, suffix: str, before: Path, after: Path) -> OutputDifference:
        within, detail = self.predictions(before, after, suffix, self.tolerance.ratio)
        return OutputDifference(name, "model", detail, within)

    def _text(self, name: str, before: Path, after: Path) -> OutputDifference:
        if max(before.stat().st_size, after.stat().st_size) > LARGEST_TEXT:
            return OutputDifference(name, "file", "its bytes differ")
        try:
            old, new = before.read_text("utf-8"), after.read_text("utf-8")
        except UnicodeDecodeError:
            return OutputDifference(name, "file", f"its bytes differ{_sizes(before, after)}")
        line, one, other = first_difference(old, new)
        if same_numbers(old, new, self.tolerance):
            return OutputDifference(name, "text", f"numbers in line {line} are close enough", True, None, one, other)
        return OutputDifference(name, "text", f"it differs in line {line}", False, None, one, other)


def _picture(name: str, before: Path, after: Path) -> OutputDifference:
    share = differing(before, after)
    if share == 0:
        old, new = remarks(before), remarks(after)
        named = ", ".join(sorted({key for key in {*old, *new} if old.get(key) != new.get(key)})) or "the compression"
        return OutputDifference(name, "picture", f"every pixel is the same; {named} differs", within=True)
    if share is None:
        return OutputDifference(name, "picture", "its size differs, or its pixels cannot be decoded")
    return OutputDifference(name, "picture", f"{share:.2%} of its pixels differ")


def _read(name: str, path: Path) -> object:
    """The document in the file; an object of the cache has no suffix to go by."""
    return yaml_files.parse_as(PurePosixPath(name).suffix.lower(), path.read_text("utf-8"))


def _sizes(before: Path, after: Path) -> str:
    old, new = before.stat().st_size, after.stat().st_size
    return f"; {old:,} bytes became {new:,}" if old != new else ""
