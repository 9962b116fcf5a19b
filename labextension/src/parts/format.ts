/** Numbers and moments as people read them. */
import type { Scalar } from '../api/types';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `82 MB`; powers of 1000, as file managers and disks count. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const STEPS: readonly [number, string][] = [
  [60, 's'],
  [60, 'min'],
  [24, 'h'],
  [7, 'd'],
  [4.35, 'w'],
  [12, 'mo'],
  [Infinity, 'y']
];

/** `3 d`: how long ago, in one unit. */
export function age(time: string, now: Date): string {
  let value = Math.max(0, (now.getTime() - Date.parse(time)) / 1000);
  if (value < 45) {
    return 'now';
  }
  for (const [size, unit] of STEPS) {
    if (value < size) {
      return `${Math.max(1, Math.floor(value))} ${unit}`;
    }
    value /= size;
  }
  return '';
}

/** `3 d ago`, `just now`. */
export function ago(time: string, now: Date): string {
  const passed = age(time, now);
  return passed === 'now' ? 'just now' : `${passed} ago`;
}

/** The moment in full, with its zone. */
export function moment(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
}

/** `~40 s`, `2 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 90) {
    return `${Math.round(seconds)} s`;
  }
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** A metric or parameter: four significant digits, no noise. */
export function scalar(value: Scalar | readonly Scalar[] | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? value.toLocaleString() : String(Number(value.toPrecision(4)));
  }
  return typeof value === 'object' ? value.map(one => scalar(one)).join(', ') : String(value);
}

/** `1 dataset`, `3 datasets`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? '' : 's'}`;
}

/** `Sara` of `Sara <sara@example.org>`. */
export function person(author: string): string {
  return author.replace(/\s*<.*>$/, '').split(' ')[0] ?? author;
}
