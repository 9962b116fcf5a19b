/** Models: registered versions, their metrics and aliases. */
import { addIcon } from '@jupyterlab/ui-components';
import { useState } from 'react';
import type { ReactElement } from 'react';
import type { Model, ModelVersion } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { bare, same } from '../model/selection';
import { Button } from '../parts/button';
import { moment } from '../parts/format';
import { useCommand, useMlops, useSelection } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { openMenu } from '../parts/menu';
import { Empty } from '../parts/messages';
import { Row, Tree } from '../parts/tree';
import { Windowed } from '../parts/windowed';
import { useFilter } from '../shell/filter';
import { NoMatch } from '../shell/no-match';
import { RunningJobs } from '../shell/jobs';
import { Section } from '../shell/section';
import { metricsOf, modelMenu, modelSelection } from './model';

/** Newer versions first; the rest one click away. */
const FIRST_VERSIONS = 3;

export function ModelsSection(): ReactElement {
  const { project } = useMlops();
  const execute = useCommand();
  const matches = useFilter();
  const register = (): void => execute(CommandIDs.register);
  const add = <Button label="Register a model…" icon={addIcon} bare verb="register" onClick={register} />;
  return (
    <Section id="models" title="Models" buttons={add}>
      {() => (
        <>
          <RunningJobs verbs={['register', 'alias']} />
          <Loaded of={project.models}>
            {({ models }) =>
              models.length > 0 ? (
                <ModelList models={models.filter(model => matches(model.name, ...Object.keys(model.aliases)))} />
              ) : (
                <Empty text="No models. Register a run's output.">
                  <Button label="Choose a run…" verb="register" onClick={register} />
                </Empty>
              )
            }
          </Loaded>
        </>
      )}
    </Section>
  );
}

function ModelList(props: { models: readonly Model[] }): ReactElement {
  return props.models.length === 0 ? (
    <NoMatch />
  ) : (
    <Tree label="Models">
      {props.models.map((model, at) => (
        <ModelRow key={model.name} model={model} position={[at + 1, props.models.length]} />
      ))}
    </Tree>
  );
}

function ModelRow(props: { model: Model; position: [number, number] }): ReactElement {
  const { app, project } = useMlops();
  const selected = useSelection();
  const [open, setOpen] = useState(true);
  const [all, setAll] = useState(false);
  const { model } = props;
  const newest = model.versions[0];
  const mine = newest ? { ...modelSelection(newest), version: '', reference: model.name } : null;
  const aliases = Object.entries(model.aliases).map(([word, version]) => `${word} ${bare(version)}`);
  const shown = all ? model.versions : model.versions.slice(0, FIRST_VERSIONS);
  return (
    <>
      <Row
        id={`model:${model.name}`}
        level={1}
        position={props.position}
        name={[model.name, ...aliases].join(', ')}
        expanded={open}
        selected={same(selected, mine)}
        label={<span className="jp-Mlops-name">{model.name}</span>}
        detail={aliases.join(', ')}
        onSelect={() => project.select(mine)}
        onToggle={() => setOpen(!open)}
        onMenu={(x, y) => newest && openMenu(app.commands, modelMenu(newest, model.versions[1]), x, y)}
      />
      {open && (
        <Windowed
          items={shown}
          more={model.versions.length - shown.length}
          onMore={() => setAll(true)}
          keyOf={version => version.tag}
        >
          {(version, at) => (
            <Version version={version} previous={model.versions[at + 1]} position={[at + 1, model.versions.length]} />
          )}
        </Windowed>
      )}
    </>
  );
}

interface IVersion {
  readonly version: ModelVersion;
  readonly previous: ModelVersion | undefined;
  readonly position: [number, number];
}

function Version(props: IVersion): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const { version, previous } = props;
  const mine = modelSelection(version);
  const show = (): void => execute(CommandIDs.show, { reference: mine.reference });
  const deploy = (): void => execute(CommandIDs.deploy, { reference: mine.reference });
  return (
    <Row
      id={`model:${mine.reference}`}
      level={2}
      position={props.position}
      name={[mine.version, ...version.aliases, metricsOf(version, 2), version.message].filter(Boolean).join(', ')}
      tip={[
        version.tag,
        version.message,
        metricsOf(version, 8),
        `${version.author}, ${moment(version.time)}`,
        ...version.deployments.map(name => `served by ${name}`)
      ].join('\n')}
      selected={same(selected, mine)}
      label={
        <>
          <span className="jp-Mlops-version">{mine.version}</span>
          {version.aliases.map(alias => (
            <span key={alias} className="jp-Mlops-tag">
              {alias}
            </span>
          ))}
          <span className="jp-Mlops-text">{metricsOf(version, 1) || version.message}</span>
        </>
      }
      buttons={<Button label="Deploy…" verb="deploy" onClick={deploy} />}
      onSelect={() => project.select(mine)}
      onOpen={show}
      onMenu={(x, y) => openMenu(app.commands, modelMenu(version, previous), x, y)}
    />
  );
}
