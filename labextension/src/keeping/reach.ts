/** Loads a long history as far as the version that something leads to. */
import { useEffect } from 'react';
import type { DatasetState, DatasetVersion } from '../api/types';
import type { Pages } from '../model/pages';
import { useResource, useSelection } from '../parts/hooks';

/** The selected version of the dataset, once it is loaded; empty when none is selected. */
export function useReach(pages: Pages<DatasetVersion>, dataset: DatasetState): string {
  const selected = useSelection();
  const { value } = useResource(pages);
  const version = selected?.kind === 'data' && selected.name === dataset.path ? selected.version : '';
  const isLoaded = value?.items.some(one => one.version === version) ?? false;
  const loaded = value?.items.length ?? 0;
  useEffect(() => {
    const number = /^v\d+$/.test(version) ? Number(version.slice(1)) : 0;
    if (number > 0 && !isLoaded && loaded > 0) {
      pages.more(dataset.versions - number + 1);
    }
  }, [version, isLoaded, loaded, pages, dataset.versions]);
  return isLoaded ? version : '';
}
