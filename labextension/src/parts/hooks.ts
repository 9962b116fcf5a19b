/** How React follows our signals. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { createContext, useCallback, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { ISnapshot, Resource } from '../model/resource';
import type { ISelection } from '../model/selection';
import type { IMlops } from '../tokens';

export const MlopsContext = createContext<IMlops | null>(null);

/** The service behind the sidebar. */
export function useMlops(): IMlops {
  const mlops = useContext(MlopsContext);
  if (!mlops) {
    throw new Error('A part of the sidebar was drawn outside it.');
  }
  return mlops;
}

/** Draws again whenever `signal` emits; returns what `read` gives. */
export function useSignal<S, A, T>(signal: ISignal<S, A>, read: () => T): T {
  const subscribe = useCallback(
    (draw: () => void) => {
      signal.connect(draw);
      return () => void signal.disconnect(draw);
    },
    [signal]
  );
  return useSyncExternalStore(subscribe, read);
}

/** Keeps a resource fresh while the component is drawn. */
export function useResource<T>(resource: Resource<T>): ISnapshot<T> {
  useEffect(() => {
    const lease: IDisposable = resource.lease();
    return () => lease.dispose();
  }, [resource]);
  return useSignal(resource.changed, () => resource.snapshot);
}

/** What the user points at. */
export function useSelection(): ISelection | null {
  const { project } = useMlops();
  return useSignal(project.selectionChanged, () => project.selection);
}

/** Runs a command on the project that the view shows. */
export function useCommand(): (id: string, args?: Record<string, string | boolean>) => void {
  const { app, project } = useMlops();
  return useCallback((id, args) => void app.commands.execute(id, { project: project.folder, ...args }), [app, project]);
}

/** The present moment, told again every minute, so that ages stay true. */
export function useMinute(): Date {
  const [now, tell] = useState(() => new Date());
  useEffect(() => {
    const timer = window.setInterval(() => tell(new Date()), 60_000);
    return () => window.clearInterval(timer);
  }, []);
  return now;
}
