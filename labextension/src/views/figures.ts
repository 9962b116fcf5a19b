/** The figures of the drift view, in the colours of the theme. */
import type { ColumnDrift } from '../api/types';
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

/** Bars by effect, the greatest on top, each with the threshold beyond which it counts as drift. */
export function ranked(columns: readonly ColumnDrift[], palette: IPalette): Figure {
  const shown = columns.slice(0, MOST_BARS).reverse();
  const names = shown.map(column => column.name);
  const bars = {
    type: 'bar',
    orientation: 'h',
    name: 'effect',
    y: names,
    x: shown.map(column => column.effect),
    marker: { color: shown.map(column => (column.drifted ? palette.loud : palette.calm)) },
    customdata: shown.map(column => column.measure),
    hovertemplate: '%{y}: %{customdata} %{x:.3f}<extra></extra>'
  };
  const thresholds = {
    type: 'scatter',
    mode: 'markers',
    name: 'threshold',
    y: names,
    x: shown.map(column => column.threshold),
    marker: { symbol: 'line-ns', size: 16, color: palette.text, line: { width: 2, color: palette.text } },
    hovertemplate: 'threshold %{x:.2f}<extra></extra>'
  };
  const height = 80 + BAR_PX * shown.length;
  const wide = { automargin: true, ticklabelposition: 'outside' };
  return { data: [bars, thresholds], layout: { ...layout(palette, 'effect'), height, yaxis: wide } };
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
    margin: { l: 8, r: 16, t: 8, b: 40 },
    autosize: true,
    showlegend: true,
    legend: { orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0 },
    xaxis: { title: { text: title }, gridcolor: palette.grid, zeroline: false, rangemode: 'tozero' }
  };
}
