/** A Plotly figure, drawn by whatever renderer Lab has for it; we bring none of our own. */
import type { IRenderMime } from '@jupyterlab/rendermime';
import { MessageLoop } from '@lumino/messaging';
import type { PartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import { useMlops } from '../parts/hooks';

export const PLOTLY = 'application/vnd.plotly.v1+json';

/** A figure as Plotly takes it: traces and their layout. */
export type Figure = { data: PartialJSONObject[]; layout: PartialJSONObject };

/** What Plotly adds to the element it draws in. */
interface IPlotElement extends HTMLElement {
  on?: (event: 'plotly_click', act: (clicked: { points: readonly { y?: string | number }[] }) => void) => void;
}

/** Draws `figure`; `onPick` hears the label of a bar that was clicked. */
export function Plot(props: { figure: Figure; label: string; onPick?: (name: string) => void }): ReactElement {
  const { rendermime } = useMlops();
  const host = useRef<HTMLDivElement>(null);
  const pick = useRef(props.onPick);
  pick.current = props.onPick;
  useEffect(() => {
    const node = host.current;
    if (!node) {
      return;
    }
    const renderer: IRenderMime.IRenderer = rendermime.createRenderer(PLOTLY);
    const model = rendermime.createModel({ data: { [PLOTLY]: props.figure }, trusted: true });
    Widget.attach(renderer, node);
    void renderer.renderModel(model).then(() => {
      const plot: IPlotElement = renderer.node.querySelector<IPlotElement>('.js-plotly-plot') ?? renderer.node;
      plot.on?.('plotly_click', clicked => pick.current?.(String(clicked.points[0]?.y ?? '')));
    });
    const sized = new ResizeObserver(() => MessageLoop.sendMessage(renderer, Widget.ResizeMessage.UnknownSize));
    sized.observe(node);
    return () => {
      sized.disconnect();
      renderer.dispose();
    };
  }, [rendermime, props.figure]);
  return <div ref={host} className="jp-Mlops-plot" role="img" aria-label={props.label} />;
}
