/** Ask a deployment for predictions, with rows of a dataset or rows typed in. */
import { useState } from 'react';
import type { ReactElement } from 'react';
import { MlopsFailure } from '../api/failure';
import { lineOf } from '../api/line';
import type { Prediction, Status } from '../api/types';
import { Button } from '../parts/button';
import { duration, scalar } from '../parts/format';
import { useMlops } from '../parts/hooks';
import { Line } from '../parts/line';
import { Loaded } from '../parts/loaded';
import { Failure } from '../parts/messages';
import { Table } from './parts';

const ROWS = 5;

type Answer = { prediction: Prediction } | { failure: MlopsFailure } | 'asking' | null;

/** Waits for the datasets, so that nobody sends nothing. */
export function TryIt(props: { name: string }): ReactElement {
  const { project } = useMlops();
  return <Loaded of={project.status}>{status => <Trial name={props.name} status={status} />}</Loaded>;
}

function Trial(props: { name: string; status: Status }): ReactElement {
  const { project } = useMlops();
  const [data, setData] = useState<string | null>(null);
  const [json, setJson] = useState('');
  const [answer, setAnswer] = useState<Answer>(null);
  const datasets = props.status.datasets.filter(one => one.kind === 'data').map(one => one.path);
  const source = data ?? datasets[0] ?? '';
  const args = source ? { name: props.name, data: source, limit: ROWS } : { name: props.name, rows: json };
  const ask = async (): Promise<void> => {
    setAnswer('asking');
    try {
      setAnswer({ prediction: (await project.jobs.run('predict', args)).result });
    } catch (reason) {
      setAnswer({ failure: MlopsFailure.of(reason) });
    }
  };
  return (
    <div className="jp-Mlops-try">
      <div className="jp-Mlops-field">
        <label htmlFor="jp-mlops-try">Rows from</label>
        <select
          id="jp-mlops-try"
          className="jp-mod-styled"
          value={source}
          onChange={event => setData(event.target.value)}
        >
          {datasets.map(path => (
            <option key={path} value={path}>
              {path} (first {ROWS})
            </option>
          ))}
          <option value="">rows typed in</option>
        </select>
      </div>
      {source === '' && (
        <div className="jp-Mlops-field">
          <label htmlFor="jp-mlops-rows">Rows as JSON</label>
          <textarea
            id="jp-mlops-rows"
            rows={4}
            value={json}
            placeholder='[{"age": 42}]'
            onChange={event => setJson(event.target.value)}
          />
        </div>
      )}
      <Line text={lineOf(project.verb('predict'), 'predict', args)} />
      <div className="jp-Mlops-choices">
        <Button label="Predict" primary verb="predict" onClick={() => void ask()} />
      </div>
      <div aria-live="polite">
        <Answered answer={answer} />
      </div>
    </div>
  );
}

function Answered(props: { answer: Answer }): ReactElement | null {
  const { answer } = props;
  if (answer === null) {
    return null;
  }
  if (answer === 'asking') {
    return <progress aria-label="Asking" />;
  }
  if ('failure' in answer) {
    return <Failure failure={answer.failure} />;
  }
  const { outputs, rows, seconds, version } = answer.prediction;
  const names = Object.keys(outputs);
  const cell = (name: string, row: number): string => {
    const value: unknown = outputs[name]?.[row];
    return typeof value === 'object' ? JSON.stringify(value) : scalar(value as string | number | boolean);
  };
  return (
    <>
      <p className="jp-Mlops-note">
        {version} answered in {duration(seconds)}.
      </p>
      <Table
        label="Predictions"
        heads={['Row', ...names]}
        rows={Array.from({ length: rows }, (_, row) => [row + 1, ...names.map(name => cell(name, row))])}
      />
    </>
  );
}
