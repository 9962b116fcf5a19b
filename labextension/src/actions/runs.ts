/** What a click on a run does besides opening it. */
import { ask } from '../dialogs/form';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { perform } from './perform';

/** Executes a run again in a clean checkout, and tells the verdict. */
export async function reproduce(mlops: IMlops, args: Args): Promise<void> {
  const reference = `run:${text(args, 'number')}`;
  await perform(
    mlops,
    'reproduce',
    { reference },
    { said: done => `Run #${done.number}: ${done.verdict.replace(/-/g, ' ')}.` }
  );
}

/** Stops a run, whoever started it on this machine. */
export async function cancelRun(mlops: IMlops, args: Args): Promise<void> {
  const run = text(args, 'run');
  await perform(mlops, 'cancel', { run }, { said: done => (done.ended ? 'The run is stopped.' : 'It is stopping.') });
}

/** Runs the stages of a run again, though they may be up to date. */
export async function runAgain(mlops: IMlops, args: Args): Promise<void> {
  const targets = text(args, 'stages').split('\n').filter(Boolean);
  await perform(mlops, 'run', { targets, force: true }, { said: () => `${targets.join(', ')} ran again.` });
}

/** Writes the pipeline for another engine. */
export async function exportPipeline(mlops: IMlops): Promise<void> {
  const engines = [
    { value: 'github', label: 'GitHub Actions' },
    { value: 'airflow', label: 'Airflow' },
    { value: 'argo', label: 'Argo Workflows' }
  ] as const;
  const chosen = (value: unknown): 'airflow' | 'argo' | 'github' =>
    engines.find(one => one.value === value)?.value ?? 'github';
  const values = await ask({
    title: 'Export the pipeline',
    accept: 'Write',
    verb: 'export',
    entry: mlops.project.verb('export'),
    fields: [{ name: 'engine', label: 'For', kind: 'choice', value: 'github', choices: engines }],
    arguments: given => ({ engine: chosen(given.engine) })
  });
  if (values) {
    await perform(
      mlops,
      'export',
      { engine: chosen(values.engine) },
      { said: done => [`Written to ${done.file}.`, ...done.needs.map(need => `Its tasks need ${need}.`)].join(' ') }
    );
  }
}
