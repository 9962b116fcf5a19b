/** What a field of lines holds. */
import type { Value } from '../dialogs/form';

/** Its lines, without what is blank. */
export function linesOf(value: Value | undefined): string[] {
  return String(value ?? '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

/** Its lines as `key=value`. */
export function pairsOf(value: Value | undefined): Record<string, string> {
  return Object.fromEntries(
    linesOf(value).map(line => [line.split('=')[0]?.trim() ?? '', line.replace(/^[^=]*=\s*/, '')] as const)
  );
}
