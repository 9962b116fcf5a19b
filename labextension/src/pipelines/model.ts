/** Stages and runs as rows. */
import type { RunSummary, StageState } from '../api/types';
import { CommandIDs } from '../commands/ids';
import type { ISelection } from '../model/selection';
import { duration } from '../parts/format';
import type { MenuEntry } from '../parts/menu';

export function stageSelection(stage: StageState): ISelection {
  return { kind: 'stage', name: stage.name, version: '', reference: stage.run ?? stage.name };
}

export function runSelection(run: RunSummary): ISelection {
  return { kind: 'run', name: `#${run.number}`, version: '', reference: run.run };
}

/** `train`: the stages that failed, run, or did something; all of them when none did. */
export function titleOf(run: RunSummary): string {
  const failed = run.stages.filter(stage => stage.state === 'failed');
  const ran = run.stages.filter(stage => stage.state === 'ran' || stage.state === 'restored');
  const busy = run.stages.filter(stage => stage.state === 'running');
  const told = [failed, busy, ran].find(some => some.length > 0) ?? run.stages;
  const names = told.map(stage => stage.name).join(', ');
  return 'trial' in run.labels ? `${names} (trial ${String(run.labels.trial)})` : names;
}

/** What the filter looks at in a run. */
export function wordsOf(run: RunSummary): string[] {
  return [`#${run.number}`, titleOf(run), run.author, run.state, run.verdict];
}

/** `cell 9`: where it failed, or what executing it again found. */
export function placeOf(run: RunSummary): string {
  const failed = run.stages.find(stage => stage.state === 'failed');
  return failed && failed.cell !== null ? `cell ${failed.cell}` : run.verdict.replace(/-/g, ' ');
}

/** `reproduced: identical`, or nothing while nobody executed it again. */
export function verdictOf(run: RunSummary): string {
  return run.verdict && `reproduced: ${run.verdict.replace(/-/g, ' ')}`;
}

/** `cell 7/12 ~40 s` while it runs. */
export function progressOf(stage: StageState): string {
  if (stage.state !== 'running' || stage.total === 0) {
    return '';
  }
  const rest = stage.eta_s === null ? '' : ` ~${duration(stage.eta_s)}`;
  return `cell ${stage.done}/${stage.total}${rest}`;
}

/** How far the stages of a running run are; with their names when there are several. */
export function liveOf(run: RunSummary, stages: readonly StageState[]): string {
  const names = run.stages.filter(stage => stage.state === 'running').map(stage => stage.name);
  const live = stages.filter(stage => names.includes(stage.name) && progressOf(stage));
  return live.map(stage => [live.length > 1 ? stage.name : '', progressOf(stage)].join(' ').trim()).join(', ');
}

/** `#18`, or nothing yet for one that runs: it gets its number when it ends. */
export function labelOf(run: RunSummary): string {
  return run.number > 0 ? `#${run.number}` : '';
}

/** What a right click on a stage offers. */
export function stageMenu(stage: StageState): MenuEntry[] {
  const { name, notebook } = stage;
  return [
    [CommandIDs.run, { name, label: 'Run' }],
    [CommandIDs.run, { name, downstream: true, label: 'Run from here' }],
    [CommandIDs.run, { name, force: true, single: true, label: 'Run though up to date' }],
    [
      CommandIDs.run,
      { name, force: true, single: true, capture: true, label: 'Run and hear what it reads and writes' }
    ],
    [CommandIDs.why, { name }],
    [CommandIDs.sweep, { name }],
    null,
    ...(notebook ? [[CommandIDs.openNotebook, { path: notebook }] as const] : []),
    [CommandIDs.addStage, { name }],
    [CommandIDs.removeStage, { name }],
    null,
    [CommandIDs.copyLine, { line: `%mlops run ${name}` }]
  ];
}

/** Runs are numbered without gaps from one. */
export const OLDEST = 'No run came before it, so there is nothing to compare with.';

/** Why a run cannot be compared; empty when it can. */
export function alone(run: RunSummary): string {
  return run.number > 1 ? '' : OLDEST;
}

/** What a right click on a run offers. */
export function runMenu(run: RunSummary): MenuEntry[] {
  if (run.state === 'running') {
    return [[CommandIDs.cancelRun, { run: run.run }]];
  }
  const reference = `run:${run.number}`;
  return [
    [CommandIDs.openRun, { run: run.run }],
    [CommandIDs.show, { reference }],
    [CommandIDs.compareRuns, { after: run.run, idle: alone(run) }],
    [CommandIDs.lineage, { reference: run.run }],
    null,
    [CommandIDs.runAgain, { stages: run.stages.map(stage => stage.name).join('\n') }],
    [CommandIDs.reproduce, { number: String(run.number) }],
    null,
    [CommandIDs.register, { source: run.run }],
    [CommandIDs.copyReference, { reference: run.run }]
  ];
}
