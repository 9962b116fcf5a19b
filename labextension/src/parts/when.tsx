/** Who, and how long ago. */
import type { ReactElement } from 'react';
import { age, person } from './format';
import { useMinute } from './hooks';

export function When(props: { author: string; time: string }): ReactElement {
  const now = useMinute();
  return (
    <>
      <span className="jp-Mlops-person">{person(props.author)} </span>
      {age(props.time, now)}
    </>
  );
}
