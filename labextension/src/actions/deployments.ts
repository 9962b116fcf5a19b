/** What a click on a deployment does. */
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { MlopsFailure } from '../api/failure';
import type { Deployment } from '../api/types';
import { earlierOf, stuck } from '../deployments/model';
import { ask } from '../dialogs/form';
import type { IForm } from '../dialogs/form';
import { message } from '../dialogs/message';
import { bare } from '../model/selection';
import { ago, person } from '../parts/format';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { complain, perform, rehearse } from './perform';

/** Serves a version that was served before; which one is asked when there are several. */
export async function rollback(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const found = await deployment(mlops, name);
  if (!found) {
    return;
  }
  const earlier = earlierOf(found);
  const first = text(args, 'to') || (await usual(mlops, name)) || earlier[0]?.version;
  if (!first) {
    Notification.info(stuck(found), { autoClose: 8_000 });
    return;
  }
  const served = bare(found.routes[0]?.version ?? '');
  const values = await ask(questions(mlops, found, served, first));
  if (values) {
    const to = String(values.to || first);
    await perform(
      mlops,
      'rollback',
      { name, to },
      {
        said: done => `${done.deployment} serves ${done.routes.map(route => route.version).join(', ')}.`,
        undo: () => (served ? () => perform(mlops, 'rollback', { name, to: served }) : null)
      }
    );
  }
}

function questions(mlops: IMlops, found: Deployment, served: string, first: string): IForm {
  const name = found.deployment;
  const now = new Date();
  const choices = earlierOf(found).map(({ version, since, author }) => ({
    value: version,
    label: `${version}, served ${ago(since, now)} by ${person(author)}`
  }));
  return {
    title: `Roll back ${name}?`,
    accept: 'Roll back',
    verb: 'rollback',
    entry: mlops.project.verb('rollback'),
    destructive: true,
    fields: choices.length > 1 ? [{ name: 'to', label: 'Back to', kind: 'choice', value: first, choices }] : [],
    changes: values =>
      message(`The deployment ${name} switches without losing a request:`, [
        `from ${served} to ${String(values.to || first)}`
      ]),
    arguments: values => ({ name, to: values.to || first })
  };
}

/** What a rollback without a version would serve; empty after one, when there is nothing before. */
async function usual(mlops: IMlops, name: string): Promise<string> {
  try {
    const plan = await mlops.project.jobs.run('rollback', { name, dry_run: true });
    return bare(plan.result.routes[0]?.version ?? '');
  } catch {
    return ''; // the history still has versions to choose from
  }
}

async function deployment(mlops: IMlops, name: string): Promise<Deployment | null> {
  const all = (await mlops.project.deployments.refresh())?.deployments ?? [];
  const found = all.find(one => one.deployment === name);
  if (!found) {
    const message = `There is no deployment ${name}.`;
    complain(new MlopsFailure({ reference: 'unknown-deployment', message, context: '', hint: '', link: '' }, 400));
  }
  return found ?? null;
}

/** Stops a deployment. */
export async function undeploy(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const plan = await rehearse(mlops, 'undeploy', { name });
  const values =
    plan &&
    (await ask({
      title: `Undeploy ${name}?`,
      accept: 'Undeploy',
      verb: 'undeploy',
      entry: mlops.project.verb('undeploy'),
      destructive: true,
      fields: [],
      changes: message('Whoever asks it for predictions gets no answer any more:', [
        `${plan.deployment} stops serving ${plan.version}`,
        'its port is freed'
      ]),
      arguments: () => ({ name })
    }));
  if (values) {
    await perform(mlops, 'undeploy', { name }, { said: done => `${done.deployment} stopped.` });
  }
}

/** Copies the address that works from the browser. */
export async function copyUrl(mlops: IMlops, args: Args): Promise<void> {
  const found = await deployment(mlops, text(args, 'name'));
  if (found) {
    Clipboard.copyToSystem(found.url);
    Notification.info(`Copied ${found.url}`, { autoClose: 3_000 });
  }
}
