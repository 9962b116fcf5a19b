/** Draws a resource: waiting, failed, or its value. */
import type { ReactElement } from 'react';
import type { Resource } from '../model/resource';
import { useResource } from './hooks';
import { Empty, Failure, Waiting } from './messages';

interface ILoaded<T> {
  readonly of: Resource<T>;
  readonly children: (value: T) => ReactElement | null;
  /** What to draw for failures that are no failures here, by their reference. */
  readonly calm?: Readonly<Record<string, ReactElement | string>>;
}

/** The last good value stays visible below an error. */
export function Loaded<T>(props: ILoaded<T>): ReactElement {
  const { value, error } = useResource(props.of);
  const calm = error ? props.calm?.[error.reference] : undefined;
  if (calm !== undefined) {
    return typeof calm === 'string' ? <Empty text={calm} /> : calm;
  }
  return (
    <>
      {error && <Failure failure={error} onRetry={() => void props.of.refresh()} />}
      {value !== null ? props.children(value) : !error && <Waiting />}
    </>
  );
}
