import type { ReactElement } from 'react';
import type { Status } from '../api/types';
export function PipelinesSection(_: { status?: Status }): ReactElement | null { return null; }
