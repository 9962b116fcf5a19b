/** Drift: ranked bars with their threshold; a click on a column overlays its distributions. */
import { useMemo, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import type { ColumnDrift, DriftReport } from '../api/types';
import { CALM, chance, comings, verdict } from '../drift/model';
import { Button } from '../parts/button';
import { duration, plural, scalar } from '../parts/format';
import { useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Heading, Table } from './parts';
import { overlaid, paletteOf, ranked } from './figures';
import { PLOTLY, Plot } from './plot';
import type { IViewSpec } from './spec';
import { brief } from './spec';

export function DriftView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const { first: reference, second: against } = props.spec;
  const args = { reference, against };
  return (
    <div className="jp-Mlops-sheet">
      <Heading title={`Drift of ${brief(reference)}`} verb="drift" args={args} />
      <Loaded of={project.reading('drift', { ...args, distributions: true })} calm={CALM}>
        {report => <Report report={report} />}
      </Loaded>
    </div>
  );
}

function Report(props: { report: DriftReport }): ReactElement {
  const { report } = props;
  const { rendermime } = useMlops();
  const [picked, pick] = useState('');
  const column = report.columns.find(one => one.name === picked) ?? report.columns[0];
  const drawable = rendermime.mimeTypes.includes(PLOTLY);
  return (
    <>
      <p className="jp-Mlops-note">{summary(report)}</p>
      {drawable && <Ranked report={report} onPick={pick} />}
      {column && <Distributions column={column} report={report} drawable={drawable} />}
      <Ranking report={report} picked={column?.name ?? ''} onPick={pick} />
    </>
  );
}

function summary(report: DriftReport): string {
  const rows = `${report.rows_before.toLocaleString()} → ${plural(report.rows_after, 'row')}.`;
  const found = `${verdict(report)} from ${brief(report.reference)} to ${brief(report.current)}.`;
  return [found, rows, ...comings(report).map(one => `${one}.`), `Compared in ${duration(report.seconds)}.`].join(' ');
}

function Ranked(props: { report: DriftReport; onPick: (name: string) => void }): ReactElement {
  const node = useRef<HTMLDivElement>(null);
  const { columns } = props.report;
  const figure = useMemo(() => ranked(columns, paletteOf(node.current ?? document.body)), [columns]);
  return (
    <div ref={node}>
      <Plot figure={figure} label="Columns ranked by effect; the table below says the same" onPick={props.onPick} />
    </div>
  );
}

function Distributions(props: { column: ColumnDrift; report: DriftReport; drawable: boolean }): ReactElement | null {
  const { column, report, drawable } = props;
  const names = useMemo<[string, string]>(() => [brief(report.reference), brief(report.current)], [report]);
  const figure = useMemo(() => overlaid(column, names, paletteOf(document.body)), [column, names]);
  if (!column.distribution) {
    return null;
  }
  const { bins, reference, current } = column.distribution;
  const percent = (share: number | undefined): string => `${((share ?? 0) * 100).toFixed(1)} %`;
  return (
    <section aria-live="polite" className="jp-Mlops-distribution">
      <h3>{column.name}</h3>
      {drawable ? (
        <Plot figure={figure} label={`Distributions of ${column.name}`} />
      ) : (
        <Table
          label={`Distributions of ${column.name}`}
          heads={['Values', ...names]}
          rows={bins.map((bin, at) => [bin, percent(reference[at]), percent(current[at])])}
        />
      )}
    </section>
  );
}

interface IRanking {
  readonly report: DriftReport;
  readonly picked: string;
  readonly onPick: (name: string) => void;
}

/** The same as the bars, for keyboards, screen readers and a Lab without Plotly. */
function Ranking(props: IRanking): ReactElement {
  return (
    <Table
      label="Columns ranked by effect"
      heads={['Column', 'State', 'Effect', 'Threshold', 'Measure', 'p adjusted']}
      rows={props.report.columns.map(column => [
        <Button
          key="name"
          label={column.name}
          pressed={column.name === props.picked}
          onClick={() => props.onPick(column.name)}
        />,
        column.drifted ? '● drifted' : '✓ steady',
        scalar(column.effect),
        scalar(column.threshold),
        column.measure,
        chance(column)
      ])}
    />
  );
}
