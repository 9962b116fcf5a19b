/** A filter that hides everything says so: an empty section would look like an empty project. */
import { useContext } from 'react';
import type { ReactElement } from 'react';
import { FilterContext } from './filter';

export function NoMatch(): ReactElement {
  const words = useContext(FilterContext);
  return <p className="jp-Mlops-calm">Nothing matches {words.join(' ')}.</p>;
}
