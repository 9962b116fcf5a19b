/** What commands hand to actions. */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

export type Args = ReadonlyPartialJSONObject;

/** A text argument; empty when it was not given. */
export function text(args: Args, name: string): string {
  const value = args[name];
  return typeof value === 'string' ? value : '';
}

/** A yes-or-no argument. */
export function flag(args: Args, name: string): boolean {
  return args[name] === true;
}
