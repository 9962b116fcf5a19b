/** What a section shows when it has nothing, or something went wrong. */
import { useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { MlopsFailure } from '../api/failure';
import { Button } from './button';

/** A sentence, and what to do about it. */
export function Empty(props: { text: string; children?: ReactNode }): ReactElement {
  return (
    <div className="jp-Mlops-empty">
      <p>{props.text}</p>
      {props.children && <div className="jp-Mlops-choices">{props.children}</div>}
    </div>
  );
}

/** An error: its text can be selected, its details unfolded. */
export function Failure(props: { failure: MlopsFailure; onRetry?: () => void; onClose?: () => void }): ReactElement {
  const [open, setOpen] = useState(false);
  const { message, context, hint, reference, link } = props.failure.detail;
  return (
    <div className="jp-Mlops-failure" role="alert">
      <p>{message}</p>
      {hint && <p className="jp-Mlops-hint">{hint}</p>}
      {open && (
        <pre>
          {[context, `[${reference}]`].filter(Boolean).join('\n')}
          {link && (
            <a href={link} target="_blank" rel="noreferrer">
              {'\nRead more'}
            </a>
          )}
        </pre>
      )}
      <div className="jp-Mlops-choices">
        {props.onRetry && <Button label="Retry" onClick={props.onRetry} />}
        <Button label={open ? 'Hide details' : 'Details'} onClick={() => setOpen(!open)} />
        {props.onClose && <Button label="Close" onClick={props.onClose} />}
      </div>
    </div>
  );
}

/** Grey bars while the first answer is on its way. */
export function Waiting(): ReactElement {
  return (
    <div className="jp-Mlops-waiting" aria-busy="true" aria-label="Loading">
      <span />
      <span />
    </div>
  );
}
