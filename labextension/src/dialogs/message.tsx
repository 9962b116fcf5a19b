/** Plain words inside a dialog. */
import type { ReactElement } from 'react';

/** A sentence, and the list of what it speaks of. */
export function message(text: string, items: readonly string[] = []): ReactElement {
  return (
    <div className="jp-Mlops-changes">
      <p>{text}</p>
      {items.length > 0 && (
        <ul>
          {items.map(item => (
            <li key={item}>{item}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
