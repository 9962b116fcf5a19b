/** Which sections are closed, remembered by the browser across reloads. */
import { useState } from 'react';

const KEY = 'jupyter-mlops:folded';

function stored(): string[] {
  try {
    const value: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return []; // storage may be switched off
  }
}

/** Whether the section is closed, and how to change that. */
export function useFolded(id: string): [boolean, () => void] {
  const [folded, set] = useState(() => stored().includes(id));
  const toggle = (): void => {
    const rest = stored().filter(one => one !== id);
    try {
      window.localStorage.setItem(KEY, JSON.stringify(folded ? rest : [...rest, id]));
    } catch {
      // It is remembered until the page is left, then.
    }
    set(!folded);
  };
  return [folded, toggle];
}
