/** What a click on a stage or a run does. */
import { duration } from '../parts/format';
import type { IMlops } from '../tokens';
import { perform, saveNotebooks } from './perform';
import { addStage, notebookOf } from './stages';
import type { Args } from './args';
import { flag, text } from './args';

/** Runs a stage, everything from it on, or all that is stale. */
export async function run(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const wanted = { targets: name ? [name] : [], downstream: flag(args, 'downstream'), force: flag(args, 'force') };
  await perform(mlops, 'run', wanted, {
    said: done => {
      const ran = done.stages.filter(stage => stage.state === 'ran');
      const spent = ran.reduce((sum, stage) => sum + stage.seconds, 0);
      return ran.length ? `${ran.map(stage => stage.name).join(', ')} ran in ${duration(spent)}.` : 'All up to date.';
    }
  });
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
  Notification.info(`${name}: ${stage?.reason || stage?.state || 'unknown'}`, { autoClose: 8_000 });
}

/** Stops a running job. */
export async function stop(mlops: IMlops, args: Args): Promise<void> {
  await mlops.project.jobs.cancel(text(args, 'job'));
}

/** Runs the check that CI makes. */
export async function ci(mlops: IMlops): Promise<void> {
  await perform(mlops, 'ci', {}, { said: done => `The check is green: ${done.summary_file}` });
}
