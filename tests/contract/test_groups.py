"""``foreach`` and ``matrix`` mean to us what they mean to DVC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import dvc_templates, dvc_yaml
from jupyter_mlops.pipelines.stages.specs import StageSpec

NAMING = st.one_of(st.integers(-5, 99), st.sampled_from(["a", "b c", "x/y", "1", "true", "0.5"]), st.floats(-2, 2))
SINGLE = NAMING | st.booleans()
NAMED = st.fixed_dictionaries({"x": SINGLE, "y": SINGLE})
EACH = st.one_of(
    st.lists(NAMING, max_size=4).map(lambda items: (items, "${item}")),
    st.lists(NAMED, max_size=3).map(lambda items: (items, "${item.x} and ${ item.y }")),
    st.dictionaries(st.sampled_from("abc"), SINGLE).map(lambda items: (items, "${key}=${item}")),
    st.dictionaries(st.sampled_from("abc"), NAMED).map(lambda items: (items, "${key}=${item.y}")),
)  # fmt: skip
AXES = st.fixed_dictionaries({"m": st.lists(NAMING, max_size=3), "n": st.lists(NAMING, max_size=2)})


def ours(root: Path, document: dict[str, Any], parameters: dict[str, Any]) -> dict[str, StageSpec]:
    """The stages as we read them, sure that DVC was not asked."""
    import ruamel.yaml

    for name, content in (("dvc.yaml", document), ("params.yaml", parameters)):
        with (root / name).open("w") as handle:
            ruamel.yaml.YAML().dump(content, handle)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dvc_templates, "resolve", None)
        return {stage.name: stage for stage in dvc_yaml.read(root)}


def theirs(root: Path, document: dict[str, Any]) -> dict[str, StageSpec]:
    resolved = dvc_templates.resolve(root, document)
    return {name: dvc_yaml._checked(name, filled, filled) for name, filled in resolved.items()}


@given(EACH, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_foreach(project, each, is_parameter):
    items, words = each
    do = {
        "cmd": f"echo {words} ${{rate}}",
        "deps": ["in"],
        "outs": [{f"{words}.txt": {"cache": False}}],
        "frozen": "${yes}",
    }
    parameters = {"rate": 0.5, "yes": True, "items": items}
    document = {"stages": {"say": {"foreach": "${items}" if is_parameter else items, "do": do}}}

    assert ours(project.root, document, parameters) == theirs(project.root, document)


@given(AXES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_matrix(project, axes):
    body = {"cmd": "echo ${item.m} ${item.n} ${key}", "outs": ["${key}.txt"], "params": ["rate"]}
    document = {"stages": {"fit": {"matrix": axes, **body}, "last": {"cmd": "true"}}}

    assert ours(project.root, document, {"rate": 1}) == theirs(project.root, document)


@pytest.mark.parametrize(
    "stages",
    [
        {"say": {"foreach": [True, False], "do": {"cmd": "echo ${item}"}}},
        {"say": {"foreach": [[1], [2]], "do": {"cmd": "echo ${item[0]}"}}},
        {"say": {"foreach": ["a"], "do": {"cmd": "echo ${item}", "wdir": "."}}},
        {"say": {"cmd": "run ${flags}"}},
        {"say": {"foreach": {"a": {"b": {"c": 1}}}, "do": {"cmd": "echo ${item.b.c}"}}},
    ],
)
def test_what_is_not_plain_is_left_to_dvc(project, stages):
    document = {"stages": stages}
    with pytest.raises(TypeError):
        ours(project.root, document, {"flags": {"a": 1}})

    commands = {stage.name: stage.command for stage in dvc_yaml.read(project.root)}
    assert commands == {name: stage.command for name, stage in theirs(project.root, document).items()}


@pytest.mark.parametrize(
    "text",
    [
        "foreach: 3, do: {cmd: x}",
        "foreach: '${nothing}', do: {cmd: x}",
        "foreach: [1]",
        "foreach: [1], do: {deps: [a]}",
        "matrix: {a: 1}, cmd: x",
    ],
)
def test_a_broken_group_is_said_in_words(project, text):
    (project.root / "dvc.yaml").write_text(f"stages:\n  say: {{{text}}}\n")

    with pytest.raises(UsageError) as raised:
        dvc_yaml.read(project.root)

    assert raised.value.reference == "bad-pipeline"
