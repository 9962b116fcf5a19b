/** A `%mlops` line that can be read, selected and copied. */
import { Clipboard } from '@jupyterlab/apputils';
import { copyIcon } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';

/** Needs nothing around it, so that dialogs can show it too. */
export function Line(props: { text: string }): ReactElement {
  return (
    <div className="jp-Mlops-line">
      <code title={props.text}>{props.text}</code>
      <button
        type="button"
        className="jp-Mlops-button jp-mod-bare"
        aria-label="Copy this line"
        title="Copy this line"
        onClick={() => Clipboard.copyToSystem(props.text)}
      >
        <copyIcon.react tag="span" width="14px" height="14px" />
      </button>
    </div>
  );
}
