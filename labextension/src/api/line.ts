/** The `%mlops` line that does what a click does. */
import type { VerbEntry } from './types';

type Argument = VerbEntry['arguments'][number];

/** `%mlops commit data --message 'May fix'`; values that equal their default are left out. */
export function lineOf(entry: VerbEntry | undefined, verb: string, args: Readonly<Record<string, unknown>>): string {
  const known = entry?.arguments ?? [];
  const given = known.filter(argument => !isDefault(args[argument.name], argument.default));
  const words = given.filter(one => one.positional).flatMap(one => texts(args[one.name]).map(quoted));
  const flags = given.filter(one => !one.positional).flatMap(one => flagWords(one, args[one.name]));
  return ['%mlops', verb, ...words, ...flags].join(' ');
}

function isDefault(value: unknown, usual: unknown): boolean {
  const empty = value === undefined || value === null || value === '';
  return empty || JSON.stringify(value) === JSON.stringify(usual);
}

function flagWords(argument: Argument, value: unknown): string[] {
  const flag = argument.short || argument.flag;
  if (typeof value === 'boolean') {
    return [value ? argument.flag : argument.flag.replace(/^--/, '--no-')];
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, one]) => [flag, quoted(`${name}=${String(one)}`)]);
  }
  return texts(value).flatMap(one => [flag, quoted(one)]);
}

function texts(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** Quotes what a shell-like reader would split. */
function quoted(word: string): string {
  return /^[\w@%+=:,./~·-]+$/.test(word) ? word : `'${word.replace(/'/g, `'"'"'`)}'`;
}
