/** Tabs of the main area, and their return after a reload. */
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';
import { CommandIDs } from '../commands/ids';
import { mlopsIcon } from '../shell/sidebar';
import { IMlops } from '../tokens';
import type { IViewSpec } from '../views/spec';
import { keyOf, specOf, titleOf } from '../views/spec';

export const views: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-mlops:views',
  description: 'Diff, lineage, drift, run comparison and deployments in the main area.',
  autoStart: true,
  requires: [IMlops],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, mlops: IMlops, restorer: ILayoutRestorer | null): void => {
    const tracker = new WidgetTracker<MainAreaWidget>({ namespace: 'mlops-views' });
    const specs = new Map<MainAreaWidget, IViewSpec>();
    const open = async (spec: IViewSpec): Promise<void> => {
      const existing = tracker.find(one => keyOf(specs.get(one) ?? spec) === keyOf(spec) && specs.has(one));
      const tab = existing ?? (await make(mlops, spec));
      if (!existing) {
        specs.set(tab, spec);
        tab.disposed.connect(() => specs.delete(tab));
        app.shell.add(tab, 'main');
        await tracker.add(tab);
      }
      app.shell.activateById(tab.id);
    };
    app.commands.addCommand(CommandIDs.openView, {
      label: args => titleOf(specOf(args)),
      describedBy: { args: { type: 'object', properties: {}, additionalProperties: true } },
      execute: args => open(specOf(args))
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openView,
      args: tab => ({ ...specs.get(tab) }),
      name: tab => keyOf(specs.get(tab) ?? specOf({}))
    });
  }
};

async function make(mlops: IMlops, spec: IViewSpec): Promise<MainAreaWidget> {
  const { Page } = await import('../views/page');
  const tab = new MainAreaWidget<Widget>({ content: new Page(mlops, spec) });
  tab.id = `jp-mlops-${keyOf(spec).replace(/[^\w-]+/g, '-')}`;
  tab.title.label = titleOf(spec);
  tab.title.icon = mlopsIcon;
  tab.title.caption = titleOf(spec);
  tab.title.closable = true;
  // Our pages have headings of their own.
  tab.toolbar.hide();
  return tab;
}
