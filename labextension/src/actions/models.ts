/** What a click on a model does. */
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import { bare } from '../model/selection';
import { titleOf } from '../pipelines/model';
import { scalar } from '../parts/format';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { perform, rehearse } from './perform';

/** Makes a run's output, or a model file, the next version of a model. */
export async function register(mlops: IMlops, args: Args): Promise<void> {
  const runs = (await mlops.project.runs.refresh())?.items ?? [];
  const good = runs.filter(run => run.state === 'succeeded');
  const choices = good.map(run => {
    const metrics = Object.entries(run.metrics).slice(0, 2);
    const best = metrics.map(([name, value]) => `${name} ${scalar(value)}`).join(', ');
    return { value: `#${run.number}`, label: `#${run.number} ${titleOf(run)} ${best}` };
  });
  const given = good.find(run => run.run === text(args, 'source'));
  const source = given ? `#${given.number}` : text(args, 'source') || (choices[0]?.value ?? '');
  const values = await ask({
    title: 'Register a model',
    accept: 'Register',
    verb: 'register',
    entry: mlops.project.verb('register'),
    fields: [
      choices.length > 0 && !text(args, 'path')
        ? { name: 'source', label: 'From the run', kind: 'choice', value: source, choices }
        : { name: 'source', label: 'Model file', kind: 'text', required: true, value: text(args, 'path') },
      { name: 'name', label: 'Model', kind: 'text', required: true, value: text(args, 'name'), placeholder: 'credit' },
      { name: 'message', label: 'What is new', kind: 'text' }
    ],
    arguments: given => ({ source: given.source, name: given.name, message: given.message })
  });
  if (values) {
    const wanted = { source: String(values.source), name: String(values.name), message: String(values.message) };
    await perform(mlops, 'register', wanted, { said: done => `${done.model} ${bare(done.version)} registered.` });
  }
}

/** Lets an alias such as champion stand for a version. */
export async function alias(mlops: IMlops, args: Args): Promise<void> {
  const model = text(args, 'name');
  const version = text(args, 'version');
  const values = await ask({
    title: `Set an alias for ${model} ${version}`,
    accept: 'Set alias',
    verb: 'alias',
    entry: mlops.project.verb('alias'),
    changes: message('The alias moves here from the version it stands for now.', aliasesOf(mlops, model)),
    fields: [{ name: 'alias', label: 'Alias', kind: 'text', required: true, value: 'champion' }],
    arguments: given => ({ reference: `${model}@${String(given.alias)}`, version })
  });
  if (values) {
    const reference = `${model}@${String(values.alias)}`;
    await perform(
      mlops,
      'alias',
      { reference, version },
      {
        said: done => `${done.model}@${done.alias} is ${done.version ?? 'gone'}.`,
        undo: done => () =>
          done.previous === null
            ? perform(mlops, 'alias', { reference, remove: true })
            : perform(mlops, 'alias', { reference, version: done.previous })
      }
    );
  }
}

function aliasesOf(mlops: IMlops, name: string): string[] {
  const model = mlops.project.models.value?.models.find(one => one.name === name);
  return Object.entries(model?.aliases ?? {}).map(([word, version]) => `${word} is ${version}`);
}

/** Serves a model version, after it said what is served now. */
export async function deploy(mlops: IMlops, args: Args): Promise<void> {
  const reference = text(args, 'reference') || (await chooseModel(mlops));
  if (!reference) {
    return;
  }
  const plan = await rehearse(mlops, 'deploy', { reference });
  if (!plan) {
    return;
  }
  await mlops.project.deployments.refresh();
  const served = mlops.project.deployments.value?.deployments ?? [];
  const now = served.map(one => `${one.deployment} serves ${one.model} ${one.routes.map(r => r.version).join(', ')}`);
  const values = await ask({
    title: `Deploy ${reference}`,
    accept: 'Deploy',
    verb: 'deploy',
    entry: mlops.project.verb('deploy'),
    changes: message(
      now.length ? 'Served now; a running deployment switches without losing a request:' : 'Nothing is deployed yet.',
      now
    ),
    fields: [{ name: 'name', label: 'Deployment', kind: 'text', value: plan.deployment, required: true }],
    arguments: given => ({ reference, name: given.name === plan.model ? '' : given.name })
  });
  if (values) {
    const name = values.name === plan.model ? '' : String(values.name);
    await perform(mlops, 'deploy', { reference, name }, { said: done => `${done.deployment} answers at ${done.url}.` });
  }
}

/** Asks which version, when a button names none. */
async function chooseModel(mlops: IMlops): Promise<string> {
  const known = (await mlops.project.models.refresh())?.models ?? [];
  const choices = known.flatMap(model =>
    model.versions.map(one => ({
      value: `${one.model}@${bare(one.version)}`,
      label: [`${one.model} ${one.version}`, ...one.aliases].join(' · ')
    }))
  );
  if (choices.length === 0) {
    await register(mlops, {});
    return '';
  }
  const values = await ask({
    title: 'Deploy which version?',
    accept: 'Continue',
    verb: 'deploy',
    entry: mlops.project.verb('deploy'),
    fields: [{ name: 'reference', label: 'Version', kind: 'choice', choices, value: choices[0]?.value ?? '' }],
    arguments: given => ({ reference: given.reference })
  });
  return values ? String(values.reference) : '';
}
