/** Deployments: what is served, how much of it, and the way back. */
import { addIcon } from '@jupyterlab/ui-components';
import { useState } from 'react';
import type { ReactElement } from 'react';
import type { Deployment } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { ISelection, bare, same } from '../model/selection';
import { Button } from '../parts/button';
import { useCommand, useMlops, useSelection } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import type { MenuEntry } from '../parts/menu';
import { openMenu } from '../parts/menu';
import { Empty } from '../parts/messages';
import { State, lookOf } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { useFilter } from '../shell/filter';
import { NoMatch } from '../shell/no-match';
import { RunningJobs } from '../shell/jobs';
import { Section } from '../shell/section';
import { earlierOf, stuck } from './model';

export function DeploymentsSection(): ReactElement {
  const { project } = useMlops();
  const execute = useCommand();
  const matches = useFilter();
  const deploy = (): void => execute(CommandIDs.deploy);
  const add = <Button label="Deploy a version…" icon={addIcon} bare verb="deploy" onClick={deploy} />;
  return (
    <Section id="deployments" title="Deployments" buttons={add}>
      {() => (
        <>
          <RunningJobs verbs={['deploy', 'rollback', 'undeploy']} />
          <Loaded of={project.deployments}>
            {({ deployments }) =>
              deployments.length > 0 ? (
                <DeploymentList
                  deployments={deployments.filter(one => matches(one.deployment, one.model, one.state))}
                />
              ) : (
                <Empty text="Nothing is deployed.">
                  <Button label="Deploy a version…" verb="deploy" onClick={deploy} />
                </Empty>
              )
            }
          </Loaded>
        </>
      )}
    </Section>
  );
}

function DeploymentList(props: { deployments: readonly Deployment[] }): ReactElement {
  return props.deployments.length === 0 ? (
    <NoMatch />
  ) : (
    <Tree label="Deployments">
      {props.deployments.map((one, at) => (
        <DeploymentRow key={one.deployment} deployment={one} position={[at + 1, props.deployments.length]} />
      ))}
    </Tree>
  );
}

function selectionOf(one: Deployment): ISelection {
  const version = bare(one.routes[0]?.version ?? '');
  return { kind: 'deployment', name: one.deployment, version, reference: `deployment:${one.deployment}` };
}

function menuOf(one: Deployment): MenuEntry[] {
  const name = one.deployment;
  const back = earlierOf(one)[0];
  return [
    [CommandIDs.monitor, { name }],
    [CommandIDs.monitor, { name, label: 'Try it' }],
    [CommandIDs.rollback, { name, idle: stuck(one) }],
    [CommandIDs.undeploy, { name }],
    null,
    [CommandIDs.lineage, { reference: selectionOf(one).reference }],
    [CommandIDs.copyUrl, { name }],
    ...(back ? [[CommandIDs.copyLine, { line: `%mlops rollback ${name} --to ${back.version}` }] as const] : [])
  ];
}

function DeploymentRow(props: { deployment: Deployment; position: [number, number] }): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const [open, setOpen] = useState(true);
  const { deployment } = props;
  const name = deployment.deployment;
  const mine = selectionOf(deployment);
  return (
    <>
      <Row
        id={`deployment:${name}`}
        level={1}
        position={props.position}
        name={[
          name,
          lookOf(deployment.state).word,
          ...deployment.routes.map(r => `${r.version} ${r.weight} percent`)
        ].join(', ')}
        tip={[name, `${deployment.model}, ${lookOf(deployment.state).word}`, deployment.url, deployment.error].join(
          '\n'
        )}
        expanded={open}
        selected={same(selected, mine)}
        label={
          <>
            <span className="jp-Mlops-name">{name}</span>
            <State state={deployment.state} word />
          </>
        }
        detail={deployment.model === name ? undefined : deployment.model}
        buttons={
          <>
            <Button label="Try it" onClick={() => execute(CommandIDs.monitor, { name })} />
            <Button
              label="Roll back…"
              verb="rollback"
              idle={stuck(deployment)}
              onClick={() => execute(CommandIDs.rollback, { name })}
            />
          </>
        }
        onSelect={() => project.select(mine)}
        onToggle={() => setOpen(!open)}
        onOpen={() => execute(CommandIDs.monitor, { name })}
        onMenu={(x, y) => openMenu(app.commands, menuOf(deployment), x, y)}
      />
      {open && deployment.routes.map(route => <Traffic key={route.version + route.role} {...route} />)}
    </>
  );
}

/** A version's share of the requests. */
export function Traffic(props: { version: string; weight: number }): ReactElement {
  const { version, weight } = props;
  return (
    <div className="jp-Mlops-traffic">
      <span className="jp-Mlops-version">{bare(version)}</span>
      <span className="jp-Mlops-bar" role="img" aria-label={`${version}: ${weight} percent of the requests`}>
        <span style={{ width: `${weight}%` }} />
      </span>
      <span className="jp-Mlops-detail">{weight}%</span>
    </div>
  );
}
