/** The figures of the drift view, in the colours of the theme. */
import type { ColumnDrift } from '../api/types';
import { figuresOf } from '../drift/model';
import type { Figure } from './plot';

/** As many bars as can be told apart. */
const MOST_BARS = 40;
const BAR_PX = 22;

/** The colours Lab uses now. */
export interface IPalette {
  readonly text: string;
  readonly grid: string;
  readonly calm: string;
  readonly loud: string;
  readonly base: string;
}

/** Reads the palette from the theme's variables, as `node` sees them. */
export function paletteOf(node: Element): IPalette {
  const style = getComputedStyle(node);
  const colour = (name: string): string => style.getPropertyValue(`--jp-${name}`).trim();
  return {
    text: colour('ui-font-color1'),
    grid: colour('border-color2'),
    calm: colour('border-color0'),
    loud: colour('warn-color1'),
    base: colour('brand-color1')
  };
}

/**
 * Bars by effect, the greatest on top, with a line where drift begins.
 *
 * Measures have thresholds of their own, so each effect is drawn as a multiple of its threshold.
 */
export function ranked(columns: readonly ColumnDrift[], palette: IPalette): Figure {
  const shown = columns.slice(0, MOST_BARS).reverse();
  const bars = {
    type: 'bar',
    orientation: 'h',
    y: shown.map(column => column.name),
    x: shown.map(column => (column.threshold > 0 ? column.effect / column.threshold : column.effect)),
    marker: { color: shown.map(column => (column.drifted ? palette.loud : palette.calm)) },
    customdata: shown.map(figuresOf),
    hovertemplate: '%{y}: %{customdata}<extra></extra>'
  };
  const line = { type: 'line', x0: 1, x1: 1, yref: 'paper', y0: 0, y1: 1, line: { color: palette.text, width: 2 } };
  const note = { x: 1, yref: 'paper', y: 1, yanchor: 'bottom', showarrow: false, text: 'drift begins' };
  const height = 90 + BAR_PX * shown.length;
  const yaxis = { automargin: true };
  const usual = layout(palette, 'effect / threshold');
  return { data: [bars], layout: { ...usual, height, yaxis, shapes: [line], annotations: [note], showlegend: false } };
}

/** Both distributions of a column, one over the other. */
export function overlaid(column: ColumnDrift, names: readonly [string, string], palette: IPalette): Figure {
  const { bins = [], reference = [], current = [] } = column.distribution ?? {};
  const bars = (name: string, y: readonly number[], color: string): Figure['data'][number] => ({
    type: 'bar',
    name,
    x: [...bins],
    y: [...y],
    marker: { color },
    opacity: 0.6,
    hovertemplate: '%{x}: %{y:.1%}<extra></extra>'
  });
  const data = [bars(names[0], reference, palette.calm), bars(names[1], current, palette.base)];
  const axis = { automargin: true, tickformat: '.0%', gridcolor: palette.grid, title: { text: 'share of rows' } };
  const xaxis = { type: 'category', automargin: true, nticks: 12, gridcolor: palette.grid };
  return { data, layout: { ...layout(palette, ''), barmode: 'overlay', height: 320, xaxis, yaxis: axis } };
}

function layout(palette: IPalette, title: string): Figure['layout'] {
  return {
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { color: palette.text, size: 12 },
    margin: { l: 8, r: 16, t: 28, b: 40 },
    autosize: true,
    showlegend: true,
    legend: { orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0 },
    xaxis: { title: { text: title }, gridcolor: palette.grid, zeroline: false, rangemode: 'tozero' }
  };
}
