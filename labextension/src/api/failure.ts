/** The one kind of error the front end shows. */
import type { ErrorDetail } from './types';

/** An error of the server: a stable reference, what happened, where, and what to do next. */
export class MlopsFailure extends Error {
  constructor(
    readonly detail: ErrorDetail,
    readonly status: number
  ) {
    super(detail.message);
  }

  /** Stable identifier in kebab-case, such as `not-a-git-repository`. */
  get reference(): string {
    return this.detail.reference;
  }

  /** The failure in a response that is not a result. */
  static from(body: string, status: number): MlopsFailure {
    return new MlopsFailure(detailOf(body) ?? fallback(status, body), status);
  }

  /** The failure of a request that met no server. */
  static unreachable(reason: unknown): MlopsFailure {
    const message = 'The Jupyter server did not answer.';
    const hint = 'It is asked again as soon as it is back.';
    return new MlopsFailure({ reference: 'unreachable', message, context: String(reason), hint, link: '' }, 0);
  }

  /** Whatever was thrown, as a failure. */
  static of(reason: unknown): MlopsFailure {
    if (reason instanceof MlopsFailure) {
      return reason;
    }
    const context = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    const message = 'The sidebar met an error we did not foresee.';
    return new MlopsFailure({ reference: 'internal', message, context, hint: 'Reload the page.', link: '' }, 0);
  }
}

function detailOf(body: string): ErrorDetail | null {
  try {
    const document: unknown = JSON.parse(body);
    const error = isRecord(document) ? document.error : null;
    return isRecord(error) && typeof error.reference === 'string' ? { ...BLANK, ...error } : null;
  } catch {
    return null; // a proxy answered in HTML
  }
}

const BLANK: ErrorDetail = { reference: '', message: '', context: '', hint: '', link: '' };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function fallback(status: number, body: string): ErrorDetail {
  const missing = status === 404;
  return {
    reference: missing ? 'server-extension-missing' : 'bad-answer',
    message: missing ? 'The server extension of jupyter-mlops is not enabled.' : `The server answered ${status}.`,
    context: body.slice(0, 300),
    hint: missing ? 'jupyter server extension enable jupyter_mlops' : 'See the log of the Jupyter server.',
    link: ''
  };
}
