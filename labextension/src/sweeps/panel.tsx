/** Sweeps: searches for the best parameters, newest first; nothing while there are none. */
import type { ReactElement } from 'react';
import type { Sweep } from '../api/types';
import { CommandIDs } from '../commands/ids';
import type { ISelection } from '../model/selection';
import { same } from '../model/selection';
import { Button } from '../parts/button';
import { useCommand, useMlops, useResource, useSelection } from '../parts/hooks';
import { openMenu } from '../parts/menu';
import { State, lookOf } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { useFilter } from '../shell/filter';
import { summaryOf, sweepMenu } from './model';

const SHOWN = 5;

export function Sweeps(): ReactElement | null {
  const { project } = useMlops();
  const matches = useFilter();
  const { value } = useResource(project.reading('sweeps', { limit: SHOWN }));
  const found = (value?.sweeps ?? []).filter(sweep => matches(`#${sweep.number}`, sweep.stage, sweep.state));
  return found.length > 0 ? (
    <>
      <h4 className="jp-Mlops-sub">Sweeps</h4>
      <Tree label="Sweeps">
        {found.map((sweep, at) => (
          <SweepRow key={sweep.sweep} sweep={sweep} position={[at + 1, found.length]} />
        ))}
      </Tree>
    </>
  ) : null;
}

function SweepRow(props: { sweep: Sweep; position: [number, number] }): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const { sweep } = props;
  const mine: ISelection = sweep.best
    ? { kind: 'run', name: `#${sweep.best.number}`, version: '', reference: sweep.best.run }
    : { kind: 'stage', name: sweep.stage, version: '', reference: sweep.stage };
  const name = `${sweep.number}`;
  const open = (): void => execute(CommandIDs.openSweep, { name });
  return (
    <Row
      id={`sweep:${sweep.sweep}`}
      level={1}
      position={props.position}
      name={[`sweep ${name} of ${sweep.stage}`, lookOf(sweep.state).word, summaryOf(sweep)].join(', ')}
      tip={[`#${name} ${sweep.stage}: ${lookOf(sweep.state).word}`, summaryOf(sweep), ...sweep.notes].join('\n')}
      selected={same(selected, mine)}
      label={
        <>
          <State state={sweep.state} />
          <span className="jp-Mlops-version jp-mod-whole">#{name}</span>
          <span className="jp-Mlops-name">{sweep.stage}</span>
          <span className="jp-Mlops-text">{summaryOf(sweep)}</span>
        </>
      }
      buttons={
        sweep.best ? (
          <Button label="Apply…" verb="sweep apply" onClick={() => execute(CommandIDs.applySweep, { name })} />
        ) : undefined
      }
      onSelect={() => project.select(mine)}
      onOpen={open}
      onMenu={(x, y) => openMenu(app.commands, sweepMenu(sweep), x, y)}
    />
  );
}
