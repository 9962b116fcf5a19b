/** One form for all questions: fields, what will change, and the line that does the same. */
import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import type { ReactElement, ReactNode } from 'react';
import { lineOf } from '../api/line';
import type { VerbEntry } from '../api/types';
import { useSignal } from '../parts/hooks';
import { Line } from '../parts/line';

const MOST_ROWS = 6;

export type Value = string | boolean;
export type Values = Readonly<Record<string, Value>>;

/** One question of a form. */
export interface IField {
  readonly name: string;
  readonly label: string;
  readonly kind: 'text' | 'lines' | 'choice' | 'check' | 'number';
  readonly value?: Value;
  readonly placeholder?: string;
  readonly help?: string;
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
  readonly required?: boolean;
  /** Whether it is asked, given the answers so far; always when absent. */
  readonly when?: (values: Values) => boolean;
}

/** A form: what it asks, what it says, and which verb it ends in. */
export interface IForm {
  readonly title: string;
  readonly accept: string;
  readonly verb: string;
  readonly entry: VerbEntry | undefined;
  readonly fields: readonly IField[];
  /** Exactly what changes; it may follow what is chosen. */
  readonly changes?: ReactNode | ((values: Values) => ReactNode);
  /** Something is replaced or stopped: the default is Cancel. */
  readonly destructive?: boolean;
  /** Whether something cannot be had back; what is destructive does, unless it says no. */
  readonly loses?: boolean;
  /** The line that does the same, when which verb it is follows the answers. */
  readonly line?: (values: Values) => string;
  /** What the values mean for the verb. */
  readonly arguments: (values: Values) => Readonly<Record<string, unknown>>;
}

/** Puts the form to the user; null when they cancelled. */
export async function ask(form: IForm): Promise<Values | null> {
  const body = new Body(form);
  const cancel = Dialog.cancelButton();
  const accept =
    (form.loses ?? form.destructive)
      ? Dialog.warnButton({ label: form.accept })
      : Dialog.okButton({ label: form.accept });
  const dialog = new Dialog<Values>({
    title: form.title,
    body,
    buttons: [cancel, accept],
    defaultButton: form.destructive ? 0 : 1,
    focusNodeSelector: form.destructive ? '.jp-mod-reject' : 'input, textarea, select'
  });
  dialog.addClass('jp-Mlops-dialog');
  const check = (): void => {
    const missing = askedOf(form, body.values).some(field => field.required && !body.values[field.name]);
    dialog.node.querySelector('button.jp-mod-accept, button.jp-mod-warn')?.toggleAttribute('disabled', missing);
  };
  body.changed.connect(check);
  void Promise.resolve().then(() => requestAnimationFrame(check));
  const answer = await dialog.launch();
  return answer.button.accept ? body.values : null;
}

class Body extends ReactWidget implements Dialog.IBodyWidget<Values> {
  constructor(private readonly _form: IForm) {
    super();
    this._values = Object.fromEntries(_form.fields.map(field => [field.name, field.value ?? '']));
  }

  readonly changed = new Signal<this, void>(this);

  get values(): Values {
    return this._values;
  }

  getValue(): Values {
    return this._values;
  }

  set(name: string, value: Value): void {
    this._values = { ...this._values, [name]: value };
    this.changed.emit();
  }

  protected render(): ReactElement {
    return <Questions form={this._form} body={this} />;
  }

  private _values: Values;
}

/** The fields that make sense with the answers so far. */
function askedOf(form: IForm, values: Values): IField[] {
  return form.fields.filter(field => field.when?.(values) ?? true);
}

function Questions(props: { form: IForm; body: Body }): ReactElement {
  const { form, body } = props;
  const values = useSignal(body.changed, () => body.values);
  return (
    <div className="jp-Mlops-form">
      {typeof form.changes === 'function' ? form.changes(values) : form.changes}
      {askedOf(form, values).map(field => (
        <Field key={field.name} field={field} value={values[field.name] ?? ''} onChange={body.set.bind(body)} />
      ))}
      <Line text={form.line?.(values) ?? lineOf(form.entry, form.verb, form.arguments(values))} />
    </div>
  );
}

function Field(props: { field: IField; value: Value; onChange: (name: string, value: Value) => void }): ReactElement {
  const { field, value } = props;
  const id = `jp-mlops-${field.name}`;
  const change = (next: Value): void => props.onChange(field.name, next);
  if (field.kind === 'check') {
    return (
      <label className="jp-Mlops-check">
        <input
          type="checkbox"
          checked={value === true}
          // Lab's dialog looks for what is invalid at every input, and opens the button when nothing is.
          required={field.required}
          onChange={event => change(event.target.checked)}
        />
        <span>{field.label}</span>
        {field.help && <small>{field.help}</small>}
      </label>
    );
  }
  return (
    <div className="jp-Mlops-field" data-kind={field.kind}>
      <label htmlFor={id}>{field.label}</label>
      <Input field={field} id={id} value={String(value)} onChange={change} />
      {field.help && <small>{field.help}</small>}
    </div>
  );
}

function Input(props: { field: IField; id: string; value: string; onChange: (value: string) => void }): ReactElement {
  const { field, id, value } = props;
  const onChange = (event: { target: { value: string } }): void => props.onChange(event.target.value);
  const shared = { id, value, onChange, placeholder: field.placeholder, required: field.required };
  if (field.kind === 'lines') {
    const rows = Math.max(2, Math.min(MOST_ROWS, value.split('\n').length + 1));
    return <textarea {...shared} className="jp-mod-styled" rows={rows} />;
  }
  if (field.kind === 'number') {
    return <input {...shared} className="jp-mod-styled" type="number" min={0} step="any" />;
  }
  if (field.kind === 'text') {
    return <input {...shared} className="jp-mod-styled" type="text" spellCheck={false} />;
  }
  return (
    <select id={id} value={value} onChange={onChange} className="jp-mod-styled">
      {(field.choices ?? []).map(choice => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}
