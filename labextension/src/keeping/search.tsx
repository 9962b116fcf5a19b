/** Search: versions by what is known of them, by dataset. */
import { useMemo, useState } from 'react';
import type { FormEvent, ReactElement } from 'react';
import type { Hit } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { LONGEST_PAGE, Pages } from '../model/pages';
import { bare, referenceOf } from '../model/selection';
import { Button } from '../parts/button';
import { plural } from '../parts/format';
import { useCommand, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { State } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { When } from '../parts/when';
import { Heading } from '../views/parts';
import type { IViewSpec } from '../views/spec';

const FIRST_HITS = 20;
const FIELDS = ['column:', 'owner:', 'tag:', 'purpose:', 'pii:'];

export default function SearchView(props: { spec: IViewSpec }): ReactElement {
  const [typed, type] = useState(props.spec.first);
  const [query, seek] = useState(props.spec.first);
  const [every, setEvery] = useState(false);
  const take = (event: FormEvent): void => {
    event.preventDefault();
    seek(typed.trim());
  };
  const add = (field: string): void => {
    type(`${typed.trim()} ${field}`.trim());
    document.querySelector<HTMLElement>('.jp-Mlops-search input')?.focus();
  };
  return (
    <div className="jp-Mlops-sheet">
      <Heading title="Search data" verb="search" args={{ query, every }} />
      <form className="jp-Mlops-search" role="search" onSubmit={take}>
        <input
          type="search"
          className="jp-mod-styled"
          aria-label="Search data"
          placeholder="words, or column: owner: tag: purpose: pii:"
          spellCheck={false}
          value={typed}
          onChange={event => type(event.target.value)}
        />
        <button type="submit" className="jp-Mlops-button jp-mod-primary">
          Search
        </button>
      </form>
      <div className="jp-Mlops-choices">
        {FIELDS.map(field => (
          <Button key={field} label={field} hint={`Search by ${field.slice(0, -1)}`} onClick={() => add(field)} />
        ))}
        <label className="jp-Mlops-check">
          <input type="checkbox" checked={every} onChange={event => setEvery(event.target.checked)} />
          <span>every version, not only the newest</span>
        </label>
      </div>
      {query ? <Found key={`${query} ${every}`} query={query} every={every} /> : <Nothing />}
    </div>
  );
}

function Nothing(): ReactElement {
  return <Empty text="Words are looked for everywhere, a field narrows them: column:email owner:sara pii:*" />;
}

function Found(props: { query: string; every: boolean }): ReactElement {
  const { project } = useMlops();
  const { query, every } = props;
  const pages = useMemo(
    () =>
      new Pages<Hit>(
        async (limit, cursor) => {
          const found = await project.client.read('search', project.folder, { query, every, limit, cursor });
          return { items: found.hits, next: found.next_cursor };
        },
        project,
        FIRST_HITS
      ),
    [project, query, every]
  );
  return (
    <Loaded of={pages}>
      {({ items, next }) =>
        items.length > 0 ? (
          <>
            <p className="jp-Mlops-note" role="status">
              {next === null ? '' : 'The first '}
              {plural(items.length, 'version')} of {plural(grouped(items).size, 'dataset')}.
            </p>
            {[...grouped(items)].map(([dataset, hits]) => (
              <section key={dataset}>
                <h3>{dataset}</h3>
                <Tree label={dataset}>
                  {hits.map((hit, at) => (
                    <Finding key={hit.version.digest + hit.version.version} hit={hit} place={[at + 1, hits.length]} />
                  ))}
                </Tree>
              </section>
            ))}
            {next !== null && (
              <div className="jp-Mlops-choices">
                <Button label="Show more" onClick={() => pages.more(items.length + LONGEST_PAGE)} />
              </div>
            )}
          </>
        ) : (
          <Empty text={`Nothing fits ${query}.`} />
        )
      }
    </Loaded>
  );
}

function grouped(hits: readonly Hit[]): Map<string, Hit[]> {
  const groups = new Map<string, Hit[]>();
  hits.forEach(hit => groups.set(hit.version.dataset, [...(groups.get(hit.version.dataset) ?? []), hit]));
  return groups;
}

function Finding(props: { hit: Hit; place: [number, number] }): ReactElement {
  const execute = useCommand();
  const { version, matched } = props.hit;
  const reference = referenceOf(version.dataset, version.version);
  const lead = (): void => execute(CommandIDs.reveal, { name: version.dataset, version: bare(version.version) });
  const where = matched.map(match => `${match.field}: ${match.value}`);
  return (
    <Row
      id={`hit:${reference}`}
      level={1}
      position={props.place}
      name={[version.version, version.let_go, version.message, ...where].filter(Boolean).join(', ')}
      tip={`${reference}\n${version.message}\nEnter shows it in the sidebar.`}
      label={
        <>
          <span className="jp-Mlops-version jp-mod-whole">{version.label}</span>
          {version.let_go && <State state={version.let_go.split(' ')[0] ?? ''} word />}
          {where.map(text => (
            <span key={text} className="jp-Mlops-tag">
              {text}
            </span>
          ))}
          <span className="jp-Mlops-text">{version.message}</span>
        </>
      }
      detail={<When author={version.author} time={version.time} />}
      buttons={<Button label="Details" onClick={() => execute(CommandIDs.show, { reference })} />}
      onSelect={lead}
      onOpen={lead}
    />
  );
}
