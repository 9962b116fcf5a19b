/** What a click on keeping, proving and forgetting data does; the dialogs are loaded when they are first needed. */
import { CommandIDs } from '../commands/ids';
import { bytes, plural } from '../parts/format';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { perform } from './perform';

/** Brings data into the cache; the workspace stays as it is. */
export async function fetchData(mlops: IMlops, args: Args): Promise<void> {
  const path = text(args, 'path');
  await perform(
    mlops,
    'fetch',
    { paths: path ? [path] : [] },
    {
      said: done => `${plural(done.files, 'file')} (${bytes(done.bytes)}) fetched from ${done.remote || 'the remote'}.`
    }
  );
}

/** Opens the search. */
export async function search(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'search', text(args, 'query'));
}

/** Opens what the retention rules say. */
export async function retention(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'retention', text(args, 'path'));
}

/** Reads all data and compares it with its names. */
export async function verify(mlops: IMlops): Promise<void> {
  await look(mlops, false);
}

/** The same, and repairs what it can. */
export async function repair(mlops: IMlops): Promise<void> {
  await look(mlops, true);
}

/** The page shows how far it is and what it found. */
async function look(mlops: IMlops, scrub: boolean): Promise<void> {
  const done = perform(
    mlops,
    'verify',
    { scrub, all_versions: true },
    { said: found => `${plural(found.objects, 'object')} (${bytes(found.bytes)}) read, all sound.` }
  );
  await open(mlops, 'verified');
  await done;
}

/** Removes what no version needs. */
export async function collect(mlops: IMlops): Promise<void> {
  await (await import('../keeping/collect')).collect(mlops);
}

/** Erases a file, or a person's rows, for good. */
export async function erase(mlops: IMlops, args: Args): Promise<void> {
  const { erase: begin, finish } = await import('../keeping/erase');
  await (text(args, 'resume') ? finish(mlops) : begin(mlops, text(args, 'path')));
}

/** Points at a version in the sidebar; its page opens when the sidebar cannot show it. */
export async function reveal(mlops: IMlops, args: Args): Promise<void> {
  const { reveal: lead } = await import('../keeping/reveal');
  await lead(mlops, text(args, 'name'), text(args, 'version'));
}

async function open(mlops: IMlops, kind: string, first = ''): Promise<void> {
  await mlops.app.commands.execute(CommandIDs.openView, { kind, first, second: '', project: mlops.project.folder });
}
