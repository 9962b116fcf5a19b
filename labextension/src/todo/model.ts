/** What waits for the user, and the click that deals with it. */
import type { NextStep } from '../api/types';
import { CommandIDs } from '../commands/ids';

/** A button: what it says, and the command behind it. */
export interface IDeed {
  readonly label: string;
  readonly verb: string;
  readonly command: string;
  readonly args: Record<string, string>;
}

/** What to type for a step: a line for git goes to a terminal as it is. */
export function typed(step: NextStep): string {
  return step.line.startsWith('git ') ? step.line : `%mlops ${step.line}`;
}

/** The deed that a step asks for; a step we have no button for offers its line. */
export function deedOf(step: NextStep): IDeed {
  const verb = step.line.split(' ')[0] ?? '';
  const deeds: Readonly<Record<string, IDeed>> = {
    commit: { label: 'Commit…', verb, command: CommandIDs.commit, args: { path: step.name } },
    run: { label: 'Run', verb, command: CommandIDs.run, args: { name: step.name } },
    pull: { label: 'Pull', verb, command: CommandIDs.pull, args: { path: step.name } },
    checkout: { label: 'Check out…', verb, command: CommandIDs.checkout, args: { reference: step.name } },
    init: { label: 'Set up…', verb, command: CommandIDs.init, args: {} },
    register: { label: 'Register…', verb, command: CommandIDs.register, args: {} },
    verify: { label: 'Repair', verb, command: CommandIDs.repair, args: {} },
    erase: { label: 'Finish', verb, command: CommandIDs.erase, args: { resume: 'yes' } },
    deploy: { label: 'Deploy…', verb, command: CommandIDs.deploy, args: {} }
  };
  const line = typed(step);
  return deeds[verb] ?? { label: 'Copy line', verb: '', command: CommandIDs.copyLine, args: { line } };
}
