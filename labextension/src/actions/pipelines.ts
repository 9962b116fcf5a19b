/** What a click on a stage or a run does. */
import type { StageFiles } from '../api/types';
import { duration } from '../parts/format';
import type { IMlops } from '../tokens';
import { perform, saveNotebooks } from './perform';
import { addStage, notebookOf } from './stages';
import type { Args } from './args';
import { flag, text } from './args';

/** Runs a stage, everything from it on, or all that is stale. */
export async function run(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const flags = {
    downstream: flag(args, 'downstream'),
    force: flag(args, 'force'),
    single: flag(args, 'single'),
    capture: flag(args, 'capture')
  };
  const wanted = { targets: name ? [name] : [], ...flags };
  await perform(mlops, 'run', wanted, {
    said: done => {
      const ran = done.stages.filter(stage => stage.state === 'ran');
      const spent = ran.reduce((sum, stage) => sum + stage.seconds, 0);
      const whole = ran.length
        ? `${ran.map(stage => stage.name).join(', ')} ran in ${duration(spent)}.`
        : 'All up to date.';
      return [whole, ...done.undeclared.map(heard)].join('\n');
    }
  });
}

/** What a stage did that it does not declare. */
function heard(files: StageFiles): string {
  const deeds = [
    ['reads', files.reads],
    ['writes', files.writes],
    ['or what ran beside it, opened', files.unsure],
    ['uses, outside the project,', files.outside]
  ] as const;
  const told = deeds.filter(([, paths]) => paths.length > 0).map(([deed, paths]) => `${deed} ${paths.join(', ')}`);
  return told.length
    ? `${files.stage} ${told.join(' and ')}, which it does not declare: Edit stage.`
    : `${files.stage} declares all that was read and written.`;
}

/** Runs the open notebook as the stage it is, or makes it one. */
export async function runAsStage(mlops: IMlops, args: Args): Promise<void> {
  await saveNotebooks(mlops);
  await mlops.project.status.refresh();
  const notebook = notebookOf(mlops, args);
  const stage = mlops.project.status.value?.stages.find(one => one.notebook === notebook);
  if (stage) {
    await run(mlops, { name: stage.name });
  } else {
    await addStage(mlops, { ...args, notebook });
  }
}

/** Says why a stage is stale. */
export async function why(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  await mlops.project.status.refresh();
  const stage = mlops.project.status.value?.stages.find(one => one.name === name);
  mlops.showLine(`%mlops status`);
  const { Notification } = await import('@jupyterlab/apputils');
  const state = (stage?.state ?? 'unknown').replace(/-/g, ' ');
  Notification.info(stage?.reason ? `${name}: ${stage.reason}` : `${name} is ${state}.`, { autoClose: 8_000 });
}

/** Stops a running job. */
export async function stop(mlops: IMlops, args: Args): Promise<void> {
  await mlops.project.jobs.cancel(text(args, 'job'));
}

/** Runs the check that CI makes. */
export async function ci(mlops: IMlops): Promise<void> {
  await perform(mlops, 'ci', {}, { said: done => `The check is green: ${done.summary_file}` });
}
