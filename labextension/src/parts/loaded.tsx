/** Draws a resource: waiting, failed, or its value. */
import type { ReactElement } from 'react';
import type { Resource } from '../model/resource';
import { useResource } from './hooks';
import { Failure, Waiting } from './messages';

/** The last good value stays visible below an error. */
export function Loaded<T>(props: { of: Resource<T>; children: (value: T) => ReactElement | null }): ReactElement {
  const { value, error } = useResource(props.of);
  return (
    <>
      {error && <Failure failure={error} onRetry={() => void props.of.refresh()} />}
      {value !== null ? props.children(value) : !error && <Waiting />}
    </>
  );
}
