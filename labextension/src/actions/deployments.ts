/** What a click on a deployment does. */
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { complain, perform, rehearse } from './perform';
import { MlopsFailure } from '../api/failure';

/** Serves the version before, after it said which. */
export async function rollback(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const to = text(args, 'to');
  const served = await current(mlops, name);
  const plan = await rehearse(mlops, 'rollback', { name, to });
  if (!plan) {
    return;
  }
  const next = plan.routes.map(route => route.version).join(', ');
  const values = await ask({
    title: `Roll back ${name}?`,
    accept: 'Roll back',
    verb: 'rollback',
    entry: mlops.project.verb('rollback'),
    destructive: true,
    fields: [],
    changes: message(`The deployment ${name} switches without losing a request:`, [`from ${served} to ${next}`]),
    arguments: () => ({ name, to })
  });
  if (values) {
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

async function current(mlops: IMlops, name: string): Promise<string> {
  const all = (await mlops.project.deployments.refresh())?.deployments ?? [];
  return all.find(one => one.deployment === name)?.routes[0]?.version ?? '';
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
  const all = (await mlops.project.deployments.refresh())?.deployments ?? [];
  const found = all.find(one => one.deployment === text(args, 'name'));
  if (found) {
    Clipboard.copyToSystem(found.url);
    Notification.info(`Copied ${found.url}`, { autoClose: 3_000 });
  } else {
    const message = `There is no deployment ${text(args, 'name')}.`;
    complain(new MlopsFailure({ reference: 'unknown-deployment', message, context: '', hint: '', link: '' }, 400));
  }
}
