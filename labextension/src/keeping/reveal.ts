/** The way from a finding to its row in the sidebar. */
import { CommandIDs } from '../commands/ids';
import { referenceOf } from '../model/selection';
import type { IMlops } from '../tokens';

const PATIENCE_MS = 4_000;

/** Selects a version, unfolds what hides it and moves the focus there. */
export async function reveal(mlops: IMlops, name: string, version: string): Promise<void> {
  const { commands } = mlops.app;
  const reference = referenceOf(name, version);
  await commands.execute(CommandIDs.open);
  mlops.project.select(null); // the same version may have been scrolled away
  mlops.project.select({ kind: 'data', name, version, reference });
  const row = await appearing(`version:${reference}`);
  if (row) {
    row.scrollIntoView({ block: 'center' });
    row.focus();
  } else {
    await commands.execute(CommandIDs.show, { reference, project: mlops.project.folder });
  }
}

/** The row, once it is drawn; null when it is not in time. */
function appearing(id: string): Promise<HTMLElement | null> {
  const deadline = Date.now() + PATIENCE_MS;
  return new Promise(resolve => {
    const look = (): void => {
      const row = document.querySelector<HTMLElement>(`[data-section=data] [data-row="${CSS.escape(id)}"]`);
      if (row || Date.now() > deadline) {
        resolve(row);
      } else {
        requestAnimationFrame(look);
      }
    };
    look();
  });
}
