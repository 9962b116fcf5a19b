/** The card above a notebook whose kernel lacks us. */
import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { useState } from 'react';
import type { ReactElement } from 'react';
import { LOAD, install, load } from './install';

const ID = 'jp-mlops-kernel-card';

/** Shows the card once a notebook. */
export function showCard(panel: NotebookPanel): void {
  if (![...panel.contentHeader.widgets].some(widget => widget.id === ID)) {
    panel.contentHeader.addWidget(new CardWidget(panel));
  }
}

class CardWidget extends ReactWidget {
  constructor(private readonly _panel: NotebookPanel) {
    super();
    this.id = ID;
    this.addClass('jp-Mlops-cardBox');
  }

  protected render(): ReactElement {
    return <Card panel={this._panel} onClose={() => this.dispose()} />;
  }
}

type Phase = 'offer' | 'busy' | 'done' | { readonly failed: string };

function Card(props: { panel: NotebookPanel; onClose: () => void }): ReactElement {
  const { panel, onClose } = props;
  const [phase, setPhase] = useState<Phase>('offer');
  const kernel = panel.sessionContext.kernelDisplayName;
  const start = async (): Promise<void> => {
    setPhase('busy');
    // It may be there and only not loaded; nothing needs to be installed then.
    if (await load(panel)) {
      setPhase('done');
      return;
    }
    const failed = (await confirmed(kernel)) ? await install(panel) : null;
    setPhase(failed === null ? 'offer' : failed === '' ? 'done' : { failed });
  };
  return (
    <div className="jp-Mlops-card" role="status">
      <span>{textOf(phase, kernel)}</span>
      {phase !== 'busy' && phase !== 'done' && (
        <button type="button" className="jp-Mlops-button jp-mod-primary" onClick={() => void start()}>
          Install…
        </button>
      )}
      <button type="button" className="jp-Mlops-button" onClick={onClose}>
        Close
      </button>
    </div>
  );
}

function textOf(phase: Phase, kernel: string): string {
  if (typeof phase === 'object') {
    return `The installation failed: ${phase.failed}`;
  }
  const texts = {
    offer: `%mlops is not installed in kernel ${kernel}.`,
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
