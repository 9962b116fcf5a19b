import type { ReactElement } from 'react';
import type { Status } from '../api/types';
export function DeploymentsSection(_: { status?: Status }): ReactElement | null { return null; }
