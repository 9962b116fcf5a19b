/** Files that came, went or changed; a text or picture is shown when it is chosen. */
import { useState } from 'react';
import type { ReactElement } from 'react';
import type { Difference } from '../api/types';
import { Button } from '../parts/button';
import { useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import type { IPair, TextChange } from './model';
import { Pictures } from './pictures';

const PAGE = 200;

export function Files(props: { difference: Difference; pair: IPair }): ReactElement {
  const { project } = useMlops();
  const { added, removed, modified } = props.difference.files;
  const all = [...mark('modified', modified), ...mark('added', added), ...mark('removed', removed)];
  const [shown, setShown] = useState(PAGE);
  const [chosen, choose] = useState<string | null>(null);
  if (all.length === 0) {
    return <p className="jp-Mlops-note">The files are the same.</p>;
  }
  return (
    <>
      <ul className="jp-Mlops-files" aria-label="Files">
        {all.slice(0, shown).map(([change, name]) => (
          <li key={name} data-kind={change}>
            <span className="jp-Mlops-detail">{change}</span>
            <Button
              label={name || 'the file itself'}
              pressed={name === chosen}
              onClick={() => choose(name === chosen ? null : name)}
            />
          </li>
        ))}
      </ul>
      {all.length > shown && (
        <Button label={`Show more (${(all.length - shown).toLocaleString()})`} onClick={() => setShown(shown + PAGE)} />
      )}
      {chosen !== null && (
        <Loaded of={project.reading('diff', { ...props.pair, rows: 0, limit: 1, file: chosen })}>
          {found => <Preview found={found} name={chosen} />}
        </Loaded>
      )}
    </>
  );
}

function mark(change: string, names: readonly string[]): (readonly [string, string])[] {
  return names.map(name => [change, name] as const);
}

function Preview(props: { found: Difference; name: string }): ReactElement {
  const text = props.found.texts.find(one => one.path === props.name);
  const picture = props.found.pictures.find(one => one.path === props.name);
  if (picture) {
    return <Pictures change={picture} />;
  }
  return text ? <Lines text={text} /> : <p className="jp-Mlops-note">There is no view for this kind of file.</p>;
}

function Lines(props: { text: TextChange }): ReactElement {
  const { text } = props;
  return (
    <section aria-label="Changed lines">
      <p className="jp-Mlops-note">{`${text.added} lines added, ${text.removed} removed.`}</p>
      <pre className="jp-Mlops-lines">
        {text.diff.split('\n').map((line, at) => (
          <span key={at} data-sign={line[0]}>
            {`${line}\n`}
          </span>
        ))}
      </pre>
      {text.is_cut && <p className="jp-Mlops-note">There is more than can be shown here.</p>}
    </section>
  );
}
