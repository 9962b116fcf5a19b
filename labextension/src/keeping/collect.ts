/** Cleaning up the cache: what would go is said before it goes. */
import { Notification } from '@jupyterlab/apputils';
import { attempt, complain, perform } from '../actions/perform';
import { MlopsFailure } from '../api/failure';
import type { JobResults } from '../api/types';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import { bytes, plural } from '../parts/format';
import type { IMlops } from '../tokens';

type Plan = JobResults['gc'];

/** Asks, then removes what no version needs. */
export async function collect(mlops: IMlops): Promise<void> {
  const found = await planOf(mlops);
  if (!found) {
    return;
  }
  const [plan, args] = found;
  if (plan.objects === 0) {
    Notification.info(`Nothing to clean up: versions need all ${plural(plan.kept, 'object')}.`, { autoClose: 6_000 });
    return;
  }
  const values = await ask({
    title: 'Clean up the cache?',
    accept: 'Clean up',
    verb: 'gc',
    entry: mlops.project.verb('gc'),
    destructive: true,
    fields: [],
    changes: message('No version needs these:', [
      `${plural(plan.objects, 'object')}, ${bytes(plan.bytes)}, are removed`,
      `${plural(plan.kept, 'object')} stay: a branch, tag, stash or workspace needs them`
    ]),
    arguments: () => args
  });
  if (values) {
    const said = (done: Plan): string => `${plural(done.objects, 'object')} removed, ${bytes(done.bytes)} freed.`;
    await perform(mlops, 'gc', args, { said });
  }
}

/** What would go, and with which arguments; a cache that others may use takes a word of the user. */
async function planOf(mlops: IMlops): Promise<[Plan, { alone?: boolean }] | null> {
  try {
    return [(await attempt(mlops, 'gc', { dry_run: true })).result, {}];
  } catch (reason) {
    const failure = MlopsFailure.of(reason);
    if (failure.reference !== 'shared-cache') {
      complain(failure);
      return null;
    }
    if (!(await isAlone(mlops, failure))) {
      return null;
    }
  }
  try {
    return [(await attempt(mlops, 'gc', { dry_run: true, alone: true })).result, { alone: true }];
  } catch (reason) {
    complain(MlopsFailure.of(reason));
    return null;
  }
}

async function isAlone(mlops: IMlops, failure: MlopsFailure): Promise<boolean> {
  const values = await ask({
    title: 'Clean up a shared cache?',
    accept: 'Go on',
    verb: 'gc',
    entry: mlops.project.verb('gc'),
    destructive: true,
    changes: message(`${failure.message} It is ${failure.detail.context}.`),
    fields: [{ name: 'alone', label: 'No other project uses this cache', kind: 'check', required: true }],
    arguments: given => ({ alone: given.alone === true })
  });
  return values !== null;
}
