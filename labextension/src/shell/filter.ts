/** The filter box: every section shows only what matches. */
import { createContext, useContext, useMemo, useState } from 'react';

export const FilterContext = createContext<readonly string[]>([]);

/** What is typed, and the words it holds. */
export interface IFilter {
  readonly text: string;
  readonly words: readonly string[];
  readonly set: (text: string) => void;
}

export function useFilterState(): IFilter {
  const [text, set] = useState('');
  const words = useMemo(() => text.toLowerCase().split(/\s+/).filter(Boolean), [text]);
  return { text, words, set };
}

/** Whether some texts hold all the words that were typed. */
export function useFilter(): (...texts: readonly (string | null | undefined)[]) => boolean {
  const words = useContext(FilterContext);
  return (...texts) => {
    const hay = texts.join(' ').toLowerCase();
    return words.every(word => hay.includes(word));
  };
}
