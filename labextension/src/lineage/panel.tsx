/** Lineage: what the selected thing was made from, and what came of it. */

import type { ReactElement } from 'react';
import type { Lineage, LineageNode, RunSummary } from '../api/types';
import { CommandIDs } from '../commands/ids';
import type { ISelection } from '../model/selection';
import { bare, shortName } from '../model/selection';
import { Button } from '../parts/button';
import { enlargeIcon } from '../parts/enlarge';
import { useCommand, useMlops, useSelection } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { Row, Tree } from '../parts/tree';
import { When } from '../parts/when';
import { runSelection, titleOf } from '../pipelines/model';
import { Section } from '../shell/section';
import type { ITwig } from './model';
import { leadsTo, markOf, nameOf, rootsOf, twigs, writerOf } from './model';

export function LineageSection(): ReactElement {
  const selection = useSelection();
  const execute = useCommand();
  const reference = selection?.reference ?? '';
  const open = (): void => execute(CommandIDs.lineage, { reference });
  return (
    <Section
      id="lineage"
      title="Lineage"
      subject={selection ? `of ${shortName(selection.name)} ${selection.version}` : undefined}
      buttons={<Button label="Open the graph" icon={enlargeIcon} bare onClick={open} />}
    >
      {() => (selection ? <Twigs selection={selection} /> : <Empty text="Select a row above." />)}
    </Section>
  );
}

function Twigs(props: { selection: ISelection }): ReactElement {
  const { project } = useMlops();
  return (
    <Loaded
      of={project.reading('lineage', { reference: props.selection.reference })}
      calm={{ 'unknown-node': <WrittenBy selection={props.selection} /> }}
    >
      {lineage => <TwigTree lineage={lineage} selection={props.selection} />}
    </Loaded>
  );
}

/** What a stage wrote beside its data, such as its executed notebook, is no node; the run that wrote it is known. */
function WrittenBy(props: { selection: ISelection }): ReactElement {
  const { project } = useMlops();
  return (
    <Loaded of={project.runs}>
      {({ items }) => {
        const run = writerOf(items, props.selection);
        return run ? <Writer run={run} /> : <Empty text="No run is known that wrote it." />;
      }}
    </Loaded>
  );
}

function Writer(props: { run: RunSummary }): ReactElement {
  const execute = useCommand();
  const { project } = useMlops();
  const { run } = props;
  return (
    <Tree label="Lineage">
      <h4 className="jp-Mlops-sub" role="presentation">
        Written by
      </h4>
      <Row
        id={`writer:${run.run}`}
        level={1}
        name={`run ${run.number}, ${titleOf(run)}`}
        label={
          <>
            <span className="jp-Mlops-mark" aria-hidden="true">
              {markOf('run')}
            </span>
            <span className="jp-Mlops-version jp-mod-whole">#{run.number}</span>
            <span className="jp-Mlops-name">{titleOf(run)}</span>
          </>
        }
        detail={<When author={run.author} time={run.started} />}
        onSelect={() => project.select(runSelection(run))}
        onOpen={() => execute(CommandIDs.openRun, { run: run.run })}
      />
    </Tree>
  );
}

function TwigTree(props: { lineage: Lineage; selection: ISelection }): ReactElement {
  const roots = rootsOf(props.lineage, props.selection).map(node => node.id);
  const { up, down } = twigs(props.lineage, roots);
  if (up.length + down.length === 0) {
    return <Empty text="Nothing is known to have led to it, and nothing came of it yet." />;
  }
  return (
    <Tree label="Lineage">
      {up.length > 0 && <Twigged title="Made from" some={up} />}
      {down.length > 0 && <Twigged title="Led to" some={down} />}
    </Tree>
  );
}

function Twigged(props: { title: string; some: readonly ITwig[] }): ReactElement {
  return (
    <>
      <h4 className="jp-Mlops-sub" role="presentation">
        {props.title}
      </h4>
      {props.some.map((twig, at) => (
        <Twig key={twig.key} node={twig.node} depth={twig.depth} position={[at + 1, props.some.length]} />
      ))}
    </>
  );
}

function Twig(props: { node: LineageNode; depth: number; position: [number, number] }): ReactElement {
  const execute = useCommand();
  const { node, depth } = props;
  const [command, args] = leadsTo(node);
  return (
    <Row
      id={`twig:${node.id}:${depth}`}
      level={depth}
      position={props.position}
      name={`${node.kind} ${nameOf(node)}`}
      tip={[`${node.kind} ${nameOf(node)}`, node.detail].filter(Boolean).join('\n')}
      label={
        <>
          <span className="jp-Mlops-mark" aria-hidden="true">
            {markOf(node.kind)}
          </span>
          <span className="jp-Mlops-name">{node.name}</span>
          <span className="jp-Mlops-version jp-mod-whole">{bare(node.version)}</span>
          <span className="jp-Mlops-text">{node.detail}</span>
        </>
      }
      detail={<span className="jp-Mlops-kind">{node.kind}</span>}
      onOpen={() => execute(command, args)}
    />
  );
}
