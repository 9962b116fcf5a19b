/** A folder without a project, and how to get one. */
import type { ReactElement } from 'react';
import type { MlopsFailure } from '../api/failure';
import { CommandIDs } from '../commands/ids';
import { Button } from '../parts/button';
import { useCommand } from '../parts/hooks';
import { Empty } from '../parts/messages';

export function NoProject(props: { failure: MlopsFailure }): ReactElement {
  const execute = useCommand();
  return (
    <Empty text={props.failure.message}>
      <Button label="Create project…" primary onClick={() => execute(CommandIDs.init)} />
      <Button label="Open the demo" onClick={() => execute(CommandIDs.demo)} />
    </Empty>
  );
}
