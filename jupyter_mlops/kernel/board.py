"""The widget of `sweep`: the leaderboard, and plotly's parallel coordinates, whose axes can be brushed."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import attrs

from jupyter_mlops import rendering
from jupyter_mlops.pipelines.sweeps.space import Choice, Domain, parse_all
from jupyter_mlops.rendering.blocks import Parallel
from jupyter_mlops.rendering.markup import fragment
from jupyter_mlops.rendering.sweeps import coordinates

if TYPE_CHECKING:
    from ipywidgets import Widget

    from jupyter_mlops.pipelines.sweeps.boards import Sweep, Trial
    from jupyter_mlops.verbs.sweeps import Sweeps

PLOTLY = "application/vnd.plotly.v1+json"


def one(found: Sweep) -> Widget | None:
    """The board of one sweep; nothing when too few trials can be drawn."""
    from ipywidgets import HTML, Output, VBox

    if coordinates(found) is None:
        return None
    page = rendering.document(found)
    still = attrs.evolve(page, blocks=tuple(block for block in page.blocks if not isinstance(block, Parallel)))
    output = {"output_type": "display_data", "metadata": {}, "data": {PLOTLY: figure(found)}}
    return VBox([HTML(fragment(still)), Output(outputs=(output,))])


def single(found: Sweeps) -> Widget | None:
    """The same for `sweeps`, where it shows one."""
    return one(found.sweeps[0]) if len(found.sweeps) == 1 else None


def figure(found: Sweep) -> dict[str, Any]:
    """Plotly's document of the trials that have a value."""
    from plotly.graph_objects import Figure, Parcoords

    space = parse_all(found.space)
    trials = [each for each in found.trials if each.value is not None and {*space} <= {*each.parameters}]
    values = [each.value for each in trials]
    axes = [_axis(name, domain, trials) for name, domain in space.items()]
    line = {"color": values, "colorscale": "Viridis", "showscale": True, "reversescale": not found.maximize}
    drawn = Figure(Parcoords(line=line, dimensions=[*axes, {"label": found.metric, "values": values}]))
    drawn.update_layout(height=360, margin={"t": 60, "b": 30})
    return json.loads(drawn.to_json())  # type: ignore[no-any-return]


def _axis(name: str, domain: Domain, trials: list[Trial]) -> dict[str, Any]:
    tried = [each.parameters[name] for each in trials]
    if isinstance(domain, Choice):
        places = [domain.values.index(value) for value in tried]
        ticks = range(len(domain.values))
        return {"label": name, "values": places, "tickvals": [*ticks], "ticktext": [str(v) for v in domain.values]}
    if not domain.is_log:
        return {"label": name, "values": tried, "range": [domain.low, domain.high]}
    low, high = math.log10(domain.low), math.log10(domain.high)
    powers = [low, *range(math.ceil(low), math.floor(high) + 1), high]
    marks = {"tickvals": powers, "ticktext": [f"{10**power:.3g}" for power in powers]}
    return {"label": name, "values": [math.log10(float(str(value))) for value in tried], "range": [low, high], **marks}
