"""Parameters that come from elsewhere than ``params.yaml``: other files, and the metrics of stages before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import attrs

from jupyter_mlops.errors import UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.papermill_command import Value, is_value
from jupyter_mlops.pipelines.stages.specs import StageGraph

METRIC = re.compile(r"\$\{\s*(?P<stage>[\w@/-]+)\.(?P<metric>[\w.-]+)\s*\}")
READABLE = frozenset({".yaml", ".yml", ".json"})
"""What papermill reads parameters from."""


@attrs.frozen
class ParameterFile:
    """A file that holds parameters.

    Attributes
    ----------
    path
        Below the root.
    values
        Those that the stage takes, as they are now; empty when it takes all, whatever they are.
    names
        What the stage takes from it, as far as the file is known.
    """

    path: str
    values: Mapping[str, Value] = attrs.field(factory=dict)
    names: tuple[str, ...] = ()

    @classmethod
    def read(cls, root: Path, path: str, keys: Iterable[str]) -> ParameterFile:
        """The file at `path`, with `keys` of it.

        Raises
        ------
        UsageError
            ``no-parameter-file``, ``bad-file``, ``parameter-type``.
        UnknownReference
            ``unknown-parameter``, with the nearest.
        """
        if PurePosixPath(path).suffix not in READABLE or not (root / path).is_file():
            raise UsageError(
                "no-parameter-file",
                f"{path} is no file of parameters.",
                hint="Name a .yaml or .json file: --params config.yaml, or --params config.yaml:rate,depth.",
            )
        known = yaml_files.load_mapping(root / path)
        values = {key: _single(known, key, path) for key in keys}
        return cls(path, values, tuple(map(str, values or known)))


def _single(known: Mapping[str, object], key: str, path: str) -> Value:
    if key not in known:
        hint = did_you_mean(key, known, f"It holds {', '.join(map(str, known)) or 'nothing'}.")
        raise UnknownReference("unknown-parameter", f"{path} holds no {key}.", hint=hint)
    value = known[key]
    if not is_value(value):
        raise UsageError(
            "parameter-type",
            f"{key} of {path} is neither a single value nor a list of those.",
            hint=f"--params {path} hands over the whole file.",
        )
    return value


def split(text: str) -> tuple[str, tuple[str, ...]]:
    """``FILE:key,key`` as the path and the keys; no keys stand for all."""
    path, _, keys = text.partition(":")
    return path, tuple(key.strip() for key in keys.split(",") if key.strip())


def measured(root: Path, graph: StageGraph, given: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, str]]:
    """`given` apart: the parameters with values, and the metrics file of each that is ``${STAGE.METRIC}``.

    Raises
    ------
    UnknownReference
        ``unknown-stage``, ``unknown-metric``.
    UsageError
        ``metric-renamed`` for one that papermill could not hand over under that name.
    """
    values: dict[str, Value] = {}
    files: dict[str, str] = {}
    for name, value in given.items():
        match = METRIC.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            values[name] = value
        else:
            files[name] = _metrics_file(root, graph, name, match)
    return values, files


def _metrics_file(root: Path, graph: StageGraph, name: str, match: re.Match[str]) -> str:
    stage, metric = graph.find(match["stage"]), match["metric"]
    if metric != name:
        raise UsageError(
            "metric-renamed",
            f"{name} cannot be the metric {metric}: papermill hands metrics over under their own names.",
            hint="Let the metric stand at the top of its file, and call the parameter as it is called there.",
        )
    paths = [out.path for out in stage.outs if out.kind == "metrics" and PurePosixPath(out.path).suffix in READABLE]
    held = {path: yaml_files.load_mapping(root / path) for path in paths if (root / path).is_file()}
    if path := next((path for path in paths if metric in held.get(path, ())), None):
        return path
    unmade = [path for path in paths if path not in held]
    if len(unmade) == 1:
        return unmade[0]
    known = [str(key) for values in held.values() for key in values]
    otherwise = (
        f"run {stage.name} first: then it shows which file holds it." if unmade else "stage list shows its metrics."
    )
    hint = did_you_mean(metric, known, otherwise)
    raise UnknownReference("unknown-metric", f"{stage.name} has no metric {metric}.", hint=hint)
