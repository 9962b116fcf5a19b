/** A state is an icon and a word: colour alone says nothing to many people. */
import type { ReactElement } from 'react';

interface ILook {
  readonly mark: string;
  readonly word: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'busy' | 'calm';
}

const LOOKS: Readonly<Record<string, ILook>> = {
  'up-to-date': { mark: '✓', word: 'up to date', tone: 'good' },
  changed: { mark: '●', word: 'changed', tone: 'warn' },
  missing: { mark: '○', word: 'missing', tone: 'bad' },
  untracked: { mark: '○', word: 'in no commit', tone: 'warn' },
  absent: { mark: '○', word: 'not in the cache', tone: 'bad' },
  stale: { mark: '▲', word: 'stale', tone: 'warn' },
  'never-run': { mark: '▲', word: 'never run', tone: 'warn' },
  running: { mark: '◌', word: 'running', tone: 'busy' },
  starting: { mark: '◌', word: 'starting', tone: 'busy' },
  failed: { mark: '✗', word: 'failed', tone: 'bad' },
  cancelled: { mark: '■', word: 'stopped', tone: 'calm' },
  succeeded: { mark: '✓', word: 'succeeded', tone: 'good' },
  ran: { mark: '✓', word: 'ran', tone: 'good' },
  restored: { mark: '✓', word: 'restored', tone: 'good' },
  pruned: { mark: '–', word: 'pruned', tone: 'calm' },
  finished: { mark: '✓', word: 'finished', tone: 'good' },
  interrupted: { mark: '■', word: 'interrupted', tone: 'warn' },
  waiting: { mark: '◌', word: 'waiting', tone: 'calm' },
  skipped: { mark: '–', word: 'skipped', tone: 'calm' },
  healthy: { mark: '●', word: 'healthy', tone: 'good' },
  stopped: { mark: '■', word: 'stopped', tone: 'calm' },
  kept: { mark: '✓', word: 'kept', tone: 'good' },
  expired: { mark: '▲', word: 'expired', tone: 'warn' },
  gone: { mark: '○', word: 'gone', tone: 'calm' },
  retired: { mark: '○', word: 'gone', tone: 'calm' },
  erased: { mark: '⊘', word: 'erased', tone: 'calm' },
  damaged: { mark: '✗', word: 'damaged', tone: 'bad' },
  sound: { mark: '✓', word: 'sound', tone: 'good' },
  start: { mark: '◆', word: 'next', tone: 'busy' }
};

/** How a state looks; a state we do not know shows its own name. */
export function lookOf(state: string): ILook {
  return LOOKS[state] ?? { mark: '·', word: state, tone: 'calm' };
}

/** The icon, and the word: visible, or for screen readers only. */
export function State(props: { state: string; word?: boolean }): ReactElement {
  const look = lookOf(props.state);
  return (
    <span className="jp-Mlops-state" data-tone={look.tone} title={look.word}>
      <span aria-hidden="true" className="jp-Mlops-mark">
        {look.mark}
      </span>
      <span className={props.word ? 'jp-Mlops-word' : 'jp-Mlops-hidden'}>{look.word}</span>
    </span>
  );
}
