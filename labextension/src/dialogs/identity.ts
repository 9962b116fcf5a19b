/** The one question about who the user is. */
import type { MlopsFailure } from '../api/failure';
import { ask } from './form';
import { message } from './message';

/** `Sara <sara@example.org>`; null when the user would rather not say. */
export async function askIdentity(failure: MlopsFailure): Promise<string | null> {
  const values = await ask({
    title: 'Who are you?',
    accept: 'Continue',
    verb: 'commit',
    entry: undefined,
    changes: message(`${failure.message} The name goes into the version you make, for your colleagues.`),
    fields: [
      { name: 'name', label: 'Name', kind: 'text', required: true, placeholder: 'Sara' },
      { name: 'email', label: 'Email', kind: 'text', placeholder: 'sara@example.org' }
    ],
    arguments: () => ({})
  });
  if (!values) {
    return null;
  }
  return values.email ? `${String(values.name)} <${String(values.email)}>` : String(values.name);
}
