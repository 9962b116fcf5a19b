/** The card above a notebook whose kernel lacks us. */
import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { useState } from 'react';
import type { ReactElement } from 'react';
import { LOAD, install, insertAndLoad, installed } from './install';
import { CARD } from './model';

/** Shows the card once a notebook; what it offers depends on whether the kernel has the package. */
export async function showCard(panel: NotebookPanel): Promise<void> {
  const first: Phase = (await installed(panel)) ? 'unloaded' : 'lacking';
  if (!panel.isDisposed && !panel.contentHeader.widgets.some(widget => widget.id === CARD)) {
    panel.contentHeader.addWidget(new CardWidget(panel, first));
  }
}

class CardWidget extends ReactWidget {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _first: Phase
  ) {
    super();
    this.id = CARD;
    this.addClass('jp-Mlops-cardBox');
  }

  protected render(): ReactElement {
    return <Card panel={this._panel} first={this._first} onClose={() => this.dispose()} />;
  }
}

type Offer = 'unloaded' | 'lacking';
type Phase = Offer | 'busy' | 'done' | { readonly failed: string; readonly offer: Offer };

function Card(props: { panel: NotebookPanel; first: Phase; onClose: () => void }): ReactElement {
  const { panel, onClose } = props;
  const [phase, setPhase] = useState<Phase>(props.first);
  const kernel = panel.sessionContext.kernelDisplayName;
  const offer = typeof phase === 'object' ? phase.offer : phase;
  const start = async (work: Promise<Phase>): Promise<void> => {
    setPhase('busy');
    setPhase(await work);
  };
  return (
    <div className="jp-Mlops-card" role="status">
      <span>{textOf(phase, kernel)}</span>
      {offer === 'unloaded' && <Primary label="Load it" onClick={() => void start(loadInto(panel))} />}
      {offer === 'lacking' && <Primary label="Install…" onClick={() => void start(installInto(panel, kernel))} />}
      <button type="button" className="jp-Mlops-button" onClick={onClose}>
        Close
      </button>
    </div>
  );
}

function Primary(props: { label: string; onClick: () => void }): ReactElement {
  return (
    <button type="button" className="jp-Mlops-button jp-mod-primary" onClick={props.onClick}>
      {props.label}
    </button>
  );
}

async function loadInto(panel: NotebookPanel): Promise<Phase> {
  return (await insertAndLoad(panel)) ? 'done' : { failed: `${LOAD} failed; its cell says why.`, offer: 'unloaded' };
}

async function installInto(panel: NotebookPanel, kernel: string): Promise<Phase> {
  if (!(await confirmed(kernel))) {
    return 'lacking';
  }
  const failed = await install(panel);
  return failed === '' ? 'done' : { failed: `The installation failed: ${failed}`, offer: 'lacking' };
}

function textOf(phase: Phase, kernel: string): string {
  if (typeof phase === 'object') {
    return phase.failed;
  }
  const texts = {
    unloaded: `%mlops is installed in kernel ${kernel}, but not loaded yet: ${LOAD} does that.`,
    lacking: `%mlops is not installed in kernel ${kernel}.`,
    busy: `Setting up %mlops in kernel ${kernel}…`,
    done: `%mlops is ready in kernel ${kernel}. Run the cell again; a new kernel needs ${LOAD} first.`
  };
  return texts[phase];
}

/** Installing changes the user's environment: never without asking. */
async function confirmed(kernel: string): Promise<boolean> {
  const answer = await showDialog({
    title: `Install jupyter-mlops in ${kernel}?`,
    body: 'This runs %pip install jupyter-mlops in the kernel of this notebook.',
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: 'Install' })],
    defaultButton: 0
  });
  return answer.button.accept;
}
