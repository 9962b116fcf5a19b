/** One fold of the accordion. */
import { useId } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { useFolded } from './folded';

interface ISection {
  readonly id: string;
  readonly title: string;
  /** What it is about: `of employment v4`. */
  readonly subject?: string;
  /** Drawn only while open, so that a closed section asks for nothing. */
  readonly children: () => ReactNode;
  readonly count?: number;
  readonly buttons?: ReactNode;
}

/** A heading that opens and closes what is below it. */
export function Section(props: ISection): ReactElement {
  const [folded, toggle] = useFolded(props.id);
  const body = useId();
  return (
    <section className="jp-Mlops-section" data-section={props.id}>
      <h3 className="jp-Mlops-heading">
        <button type="button" aria-expanded={!folded} aria-controls={body} onClick={toggle}>
          <span aria-hidden="true" className="jp-Mlops-twist">
            {folded ? '▸' : '▾'}
          </span>
          {props.title}
          {props.subject && <span className="jp-Mlops-subject">{props.subject}</span>}
          {props.count ? <span className="jp-Mlops-count">{props.count}</span> : null}
        </button>
        <span className="jp-Mlops-actions">{props.buttons}</span>
      </h3>
      <div id={body} hidden={folded}>
        {!folded && props.children()}
      </div>
    </section>
  );
}
