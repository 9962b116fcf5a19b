/** Context menus of rows. */
import type { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

/** A command, with what it is about; null draws a line between groups. */
export type MenuEntry = readonly [string, Record<string, string | boolean>?] | null;

/** Opens a menu at a point of the page. */
export function openMenu(commands: CommandRegistry, entries: readonly MenuEntry[], x: number, y: number): void {
  const menu = new Menu({ commands });
  for (const entry of entries) {
    menu.addItem(entry ? { command: entry[0], args: entry[1] ?? {} } : { type: 'separator' });
  }
  const before = document.activeElement;
  menu.aboutToClose.connect(() => {
    // Back to where it came from, so that a dialog that the command opens finds its way back too.
    if (before instanceof HTMLElement && before.isConnected) {
      before.focus();
    }
    // The command still runs after the menu closed.
    window.setTimeout(() => menu.dispose(), 0);
  });
  menu.open(x, y);
}
