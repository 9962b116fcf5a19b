/** Deployment monitor: what is served, what was before, and a place to try it. */
import type { ReactElement } from 'react';
import type { Deployment } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { stuck } from '../deployments/model';
import { Traffic } from '../deployments/panel';
import { bare } from '../model/selection';
import { Button } from '../parts/button';
import { moment } from '../parts/format';
import { useCommand, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { State } from '../parts/state';
import { Facts, Heading, Table } from './parts';
import type { IViewSpec } from './spec';
import { TryIt } from './try-it';

export function MonitorView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const name = props.spec.first;
  return (
    <div className="jp-Mlops-sheet">
      <Heading title={`Deployment ${name}`} verb="deployments" args={{ name }} />
      <Loaded of={project.deployments}>
        {({ deployments }) => {
          const found = deployments.find(one => one.deployment === name);
          return found ? <Served deployment={found} /> : <Empty text={`${name} is not deployed.`} />;
        }}
      </Loaded>
    </div>
  );
}

function Served(props: { deployment: Deployment }): ReactElement {
  const execute = useCommand();
  const { deployment } = props;
  const name = deployment.deployment;
  return (
    <>
      <Facts
        facts={[
          ['State', <State key="state" state={deployment.state} word />],
          ['Model', deployment.model],
          ['URL', <code key="url">{deployment.url}</code>],
          ['Through Jupyter', deployment.proxy_url && <code key="proxy">{deployment.proxy_url}</code>],
          ['Error', deployment.error]
        ]}
      />
      <div className="jp-Mlops-routes">
        {deployment.routes.map(route => (
          <Traffic key={route.version + route.role} version={route.version} weight={route.weight} />
        ))}
      </div>
      <div className="jp-Mlops-choices">
        <Button label="Copy URL" onClick={() => execute(CommandIDs.copyUrl, { name })} />
        <Button
          label="Roll back…"
          verb="rollback"
          idle={stuck(deployment)}
          onClick={() => execute(CommandIDs.rollback, { name })}
        />
        <Button label="Undeploy…" verb="undeploy" onClick={() => execute(CommandIDs.undeploy, { name })} />
      </div>
      <h3>Try it</h3>
      <TryIt name={name} />
      <h3>History</h3>
      <History deployment={deployment} />
    </>
  );
}

function History(props: { deployment: Deployment }): ReactElement {
  const execute = useCommand();
  const { deployment: name, history, routes } = props.deployment;
  const served = new Set(routes.map(route => bare(route.version)));
  const back = (to: string): void => execute(CommandIDs.rollback, { name, to });
  return (
    <Table
      label="History"
      heads={['Version', 'Since', 'Who', 'Why', '']}
      rows={history.map((release, place) => [
        bare(release.version),
        moment(release.since),
        release.author,
        release.reason,
        served.has(bare(release.version)) ? (
          // A version may have been served before as well; only the last time is now.
          place === 0 ? (
            'served now'
          ) : (
            ''
          )
        ) : (
          <Button key="back" label="Roll back…" verb="rollback" onClick={() => back(bare(release.version))} />
        )
      ])}
    />
  );
}
