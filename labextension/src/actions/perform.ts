/** Running a verb on behalf of a click: save first, show the line, follow the job, offer the way back. */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { MlopsFailure } from '../api/failure';
import { lineOf } from '../api/line';
import type { JobResults, WriteArgs, WritingVerb } from '../api/types';
import { askIdentity } from '../dialogs/identity';
import type { IOutcome } from '../model/jobs';
import type { IMlops } from '../tokens';

type Verb = WritingVerb & keyof JobResults;

/** What to say afterwards, and how to take it back. */
export interface IAfter<R> {
  readonly said: (result: R) => string;
  readonly undo?: (result: R) => (() => Promise<unknown>) | null;
  /** What to do about a failure instead of telling it, by its reference. */
  readonly remedy?: Readonly<Record<string, (failure: MlopsFailure) => Promise<unknown>>>;
  /** The line to show where the real one holds what nobody should read over a shoulder. */
  readonly line?: string;
}

/** These read notebooks from the disk, so what is in the editor must be there first. */
const READS_NOTEBOOKS: ReadonlySet<string> = new Set(['run', 'commit', 'ci', 'stage add', 'stage edit', 'register']);

/** Runs `verb`; null when it failed, which the user was told. */
export async function perform<V extends Verb>(
  mlops: IMlops,
  verb: V,
  args: WriteArgs<V>,
  after?: IAfter<JobResults[V]>
): Promise<JobResults[V] | null> {
  try {
    if (READS_NOTEBOOKS.has(verb)) {
      await saveNotebooks(mlops);
    }
    mlops.showLine(after?.line ?? lineOf(mlops.project.verb(verb), verb, args), { copy: true });
    const outcome = await attempt(mlops, verb, args);
    report(outcome, after);
    return outcome.result;
  } catch (reason) {
    const failure = MlopsFailure.of(reason);
    const remedy = after?.remedy?.[failure.reference];
    if (remedy) {
      await remedy(failure);
    } else {
      complain(failure, () => void perform(mlops, verb, args, after));
    }
    return null;
  }
}

/** What `verb` would do; changes nothing and says nothing. */
export async function rehearse<V extends Verb>(
  mlops: IMlops,
  verb: V,
  args: WriteArgs<V>
): Promise<JobResults[V] | null> {
  try {
    return (await mlops.project.jobs.run(verb, { ...args, dry_run: true })).result;
  } catch (reason) {
    complain(MlopsFailure.of(reason));
    return null;
  }
}

/** Runs it; asks who the user is when git does not know, and tries once more. */
export async function attempt<V extends Verb>(
  mlops: IMlops,
  verb: V,
  args: WriteArgs<V>
): Promise<IOutcome<JobResults[V]>> {
  try {
    return await mlops.project.jobs.run(verb, args);
  } catch (reason) {
    const failure = MlopsFailure.of(reason);
    const author = failure.reference === 'identity-unknown' ? await askIdentity(failure) : null;
    if (author === null) {
      throw failure;
    }
    return mlops.project.jobs.run(verb, { ...args, author });
  }
}

function report<R>(outcome: IOutcome<R>, after?: IAfter<R>): void {
  if (outcome.gate) {
    Notification.warning(outcome.gate, { autoClose: 10_000 });
    return;
  }
  if (!after) {
    return;
  }
  const undo = after.undo?.(outcome.result);
  const actions = undo ? [{ label: 'Undo', callback: () => void undo() }] : [];
  Notification.success(after.said(outcome.result), { autoClose: undo ? 10_000 : 4_000, actions });
}

/** Tells what went wrong; the context is one click away. */
export function complain(failure: MlopsFailure, retry?: () => void): void {
  if (failure.reference === 'cancelled') {
    Notification.info(failure.message, { autoClose: 4_000 });
    return;
  }
  const { message, hint, context } = failure.detail;
  const again = retry && failure.status !== 403 && failure.status !== 400 ? [{ label: 'Retry', callback: retry }] : [];
  const details = {
    label: 'Details',
    callback: () => void Notification.info(`${context}\n[${failure.reference}]`, { autoClose: false })
  };
  const text = hint ? `${message}\n${hint}` : message;
  Notification.error(text, { autoClose: false, actions: context ? [...again, details] : again });
}

/** Saves every notebook of the project that has unsaved changes. */
export async function saveNotebooks(mlops: IMlops): Promise<void> {
  const dirty: NotebookPanel[] = [];
  mlops.notebooks?.forEach(panel => {
    if (panel.context.model.dirty) {
      dirty.push(panel);
    }
  });
  await Promise.all(dirty.map(panel => panel.context.save()));
}
