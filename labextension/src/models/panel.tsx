import type { ReactElement } from 'react';
import type { Status } from '../api/types';
export function ModelsSection(_: { status?: Status }): ReactElement | null { return null; }
