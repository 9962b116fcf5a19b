"""The style of every HTML rendition.

``light-dark()`` follows the page that a fragment stands in, so a fragment is never dark
ink on a dark page; JupyterLab tells its theme by an attribute instead. A whole page
follows the reader's ``prefers-color-scheme`` through ``color-scheme``.
"""

from __future__ import annotations

FRAGMENT = """
.mlops.mlops{
--good:light-dark(#1a7f37,#4ac26b);--busy:light-dark(#8250df,#c297ff);--stale:light-dark(#9a6700,#e3b341);
--changed:light-dark(#0969da,#6cb6ff);--bad:light-dark(#cf222e,#ff7b72);
--quiet:var(--jp-ui-font-color2,color-mix(in srgb,currentColor 68%,transparent));
--line:var(--jp-border-color2,color-mix(in srgb,currentColor 18%,transparent));
--track:color-mix(in srgb,currentColor 10%,transparent);
color:var(--jp-ui-font-color1,inherit);
font:var(--jp-ui-font-size1,14px)/1.45 var(--jp-ui-font-family,system-ui,sans-serif);max-width:72em}
[data-jp-theme-light="false"] .mlops{color-scheme:dark}
[data-jp-theme-light="true"] .mlops{color-scheme:light}
.mlops h1,.mlops.mlops h3,.mlops.mlops h4{font-weight:600;line-height:1.3;margin:0 0 .5em}
.mlops.mlops h1{font-size:1.6em}.mlops.mlops h3{font-size:1.15em}.mlops.mlops h4{font-size:1em;margin-top:1em}
.mlops.mlops p{margin:.35em 0}
.mlops .wide{overflow-x:auto;margin:.6em 0}
.mlops.mlops table{border-collapse:collapse;border:0;margin:0;font-size:inherit;table-layout:auto;width:auto}
.mlops.mlops caption{caption-side:top;text-align:left;
color:var(--quiet);padding:0 0 .25em;font-size:.92em;white-space:nowrap}
.mlops.mlops th,.mlops.mlops td{text-align:left;vertical-align:top;padding:.3em 1.4em .3em 0;border:0;
border-bottom:1px solid var(--line);
max-width:36em;overflow-wrap:break-word;font-weight:400;white-space:normal}
.mlops.mlops thead th{color:var(--quiet);font-size:.88em;font-weight:600;white-space:nowrap}
.mlops.mlops tbody th{font-weight:600}
.mlops.mlops table.facts tbody th{font-weight:400;color:var(--quiet)}
.mlops.mlops tbody tr,.mlops.mlops tbody tr:nth-child(n){background:none}
.mlops.mlops tbody tr:hover{background:var(--track)}
.mlops.mlops .number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.mlops code,.mlops pre{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:.92em}
.mlops.mlops code{background:var(--track);color:inherit;border-radius:4px;padding:.1em .4em}
.mlops.mlops pre{overflow-x:auto;
margin:.5em 0;padding:.6em .8em;background:var(--track);border-radius:6px;color:inherit}
.mlops .quiet{color:var(--quiet);font-size:.92em}
.mlops .mark{white-space:nowrap}
.mlops .mark:not(.quiet)>span{display:inline-block;width:1.1em;text-align:center}
.mlops .mark.good,.mlops .mark.good span{color:var(--good)}.mlops .mark.busy{color:var(--busy)}
.mlops .mark.stale{color:var(--stale)}.mlops .mark.changed{color:var(--changed)}.mlops .mark.bad{color:var(--bad)}
.mlops .share{white-space:nowrap;font-variant-numeric:tabular-nums}
.mlops svg{vertical-align:middle;max-width:none;font-family:inherit}
.mlops svg .track{fill:var(--track)}.mlops svg .fill{fill:var(--changed)}.mlops svg .fill.over{fill:var(--stale)}
.mlops svg .limit,.mlops svg .axis{stroke:currentColor;stroke-width:1.5}.mlops svg .axis{stroke:var(--line)}
.mlops svg text{fill:currentColor;font-size:11px}.mlops svg text.soft{fill:var(--quiet)}
.mlops svg .before{fill:var(--quiet);fill-opacity:.38}
.mlops svg .after{fill:var(--changed);fill-opacity:.3;stroke:var(--changed);stroke-width:1.25}
.mlops svg .arrow{fill:none;stroke:var(--quiet);stroke-width:1.4;stroke-opacity:.75}
.mlops svg .strand{stroke:var(--changed)}.mlops svg .best{stroke:var(--good)}
.mlops svg .tip{fill:var(--quiet)}
.mlops svg .box{
fill:var(--jp-layout-color1,var(--ground,Canvas));stroke:var(--line)}.mlops svg .name{font-weight:600;font-size:12.5px}
.mlops svg .data{fill:var(--changed)}.mlops svg .run{fill:var(--busy)}
.mlops svg .model{fill:var(--good)}.mlops svg .deployment{fill:var(--stale)}
.mlops details{margin:.3em 0}.mlops summary{cursor:pointer;color:var(--quiet)}
.mlops figure{margin:.6em 0}
.mlops.card{border:1px solid var(--line);
border-left:4px solid var(--bad);border-radius:6px;padding:.6em 1em;max-width:56em}
.mlops.card .mark{font-weight:600;white-space:normal}
.mlops a{color:var(--changed)}
""".replace("\n", "")

PAGE = (
    ":root{color-scheme:light dark;background:light-dark(#ffffff,#0f1319);color:light-dark(#1f2328,#e6edf3)}"
    ":root{--ground:light-dark(#ffffff,#0f1319)}"
    "body{margin:0;padding:2.5rem clamp(1rem,5vw,4rem)}"
    "footer{margin-top:3em;font:12px system-ui,sans-serif;opacity:.7}"
    "@media print{body{padding:0}}"
)
