/** What a deployment may go back to. */
import type { Deployment } from '../api/types';
import { bare } from '../model/selection';

export type Release = Deployment['history'][number];

/** What it served before and does not serve now: each version once, the newest release of it. */
export function earlierOf(deployment: Deployment): Release[] {
  const seen = new Set(deployment.routes.map(route => bare(route.version)));
  return deployment.history.flatMap(release => {
    const version = bare(release.version);
    const news = !seen.has(version);
    seen.add(version);
    return news ? [{ ...release, version }] : [];
  });
}

/** Why it cannot go back; empty when it can. */
export function stuck(deployment: Deployment): string {
  const now = deployment.routes.map(route => bare(route.version)).join(', ');
  return earlierOf(deployment).length > 0 ? '' : `${deployment.deployment} has served nothing but ${now}.`;
}
