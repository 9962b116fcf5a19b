/** Buttons that say why they are grey. */
import type { LabIcon } from '@jupyterlab/ui-components';
import type { MouseEvent, ReactElement } from 'react';
import { useMlops, useResource } from './hooks';

interface IButton {
  readonly label: string;
  readonly onClick: () => void;
  /** The verb it runs: grey when the user's role does not permit it. */
  readonly verb?: string;
  /** Why it can do nothing here; grey, then. */
  readonly idle?: string;
  readonly icon?: LabIcon;
  /** Shows the icon alone; the label is its name. */
  readonly bare?: boolean;
  readonly pressed?: boolean;
  readonly primary?: boolean;
  readonly hint?: string;
}

/** A real button; denied, it keeps the focus so that its reason can be read. */
export function Button(props: IButton): ReactElement {
  const { project } = useMlops();
  useResource(project.catalogue);
  const denied = (props.verb && project.denied(props.verb)) || props.idle || '';
  const click = (event: MouseEvent): void => {
    event.stopPropagation();
    if (!denied) {
      props.onClick();
    }
  };
  return (
    <button
      type="button"
      className={`jp-Mlops-button${props.bare ? ' jp-mod-bare' : ''}${props.primary ? ' jp-mod-primary' : ''}`}
      aria-label={props.bare ? props.label : undefined}
      aria-disabled={denied ? true : undefined}
      aria-pressed={props.pressed}
      title={denied || props.hint || props.label}
      onClick={click}
      onDoubleClick={event => event.stopPropagation()}
    >
      {props.icon && <props.icon.react tag="span" width="14px" height="14px" aria-hidden="true" />}
      {!props.bare && props.label}
    </button>
  );
}
