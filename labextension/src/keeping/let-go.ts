/** The question before versions go. */
import { perform } from '../actions/perform';
import type { Retained } from '../api/types';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import { bytes, plural } from '../parts/format';
import type { IMlops } from '../tokens';

const MOST = 12;

/** Lets expired versions go, once the user said so; whether they went. */
export async function letGo(
  mlops: IMlops,
  plan: Retained,
  args: { paths: string[]; alone: boolean }
): Promise<boolean> {
  const expired = plan.versions.filter(one => one.state === 'expired');
  const items = expired.slice(0, MOST).map(one => `${one.dataset} ${one.label}: ${one.reason}`);
  const rest = expired.length - items.length;
  const values = await ask({
    title: `Let ${plural(expired.length, 'version')} go?`,
    accept: 'Let them go',
    verb: 'retain',
    entry: mlops.project.verb('retain'),
    destructive: true,
    fields: [],
    changes: message(
      `${plural(plan.objects, 'object')}, ${bytes(plan.freed_bytes)}, leave the cache; the history keeps its entries.`,
      rest > 0 ? [...items, `and ${rest.toLocaleString()} more`] : items
    ),
    arguments: () => args
  });
  const said = (done: Retained): string =>
    `${plural(done.objects, 'object')} removed, ${bytes(done.freed_bytes)} freed.`;
  return values !== null && (await perform(mlops, 'retain', args, { said })) !== null;
}
