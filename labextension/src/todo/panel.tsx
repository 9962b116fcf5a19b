/** To do: what needs me, most urgent first. */
import type { ReactElement } from 'react';
import type { NextStep, Status } from '../api/types';
import { Button } from '../parts/button';
import { useCommand } from '../parts/hooks';
import { State } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { useFilter } from '../shell/filter';
import { NoMatch } from '../shell/no-match';
import { Section } from '../shell/section';
import { deedOf, typed } from './model';

export function TodoSection(props: { status: Status }): ReactElement {
  const matches = useFilter();
  // A project that has no data yet is told so below, in Data.
  const steps = props.status.next.filter(step => matches(step.name, step.text));
  return (
    <Section id="todo" title="To do" count={steps.length}>
      {() =>
        steps.length > 0 ? (
          <Tree label="To do">
            {steps.map((step, at) => (
              <Step key={`${step.kind} ${step.name}`} step={step} position={[at + 1, steps.length]} />
            ))}
          </Tree>
        ) : props.status.next.length > 0 ? (
          <NoMatch />
        ) : (
          <p className="jp-Mlops-calm">
            <State state="up-to-date" /> All up to date.
          </p>
        )
      }
    </Section>
  );
}

function Step(props: { step: NextStep; position: [number, number] }): ReactElement {
  const execute = useCommand();
  const { step } = props;
  const deed = deedOf(step);
  const act = (): void => execute(deed.command, deed.args);
  return (
    <Row
      id={`todo:${step.kind}:${step.name}`}
      level={1}
      position={props.position}
      name={step.text}
      tip={`${step.text}\n${typed(step)}`}
      urgent
      label={
        <>
          <State state={step.kind} /> {step.text}
        </>
      }
      buttons={<Button label={deed.label} verb={deed.verb} onClick={act} />}
      onOpen={act}
    />
  );
}
