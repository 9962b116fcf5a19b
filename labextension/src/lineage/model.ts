/** The graph as a tree, and what each of its nodes leads to. */
import type { Lineage, LineageNode, RunSummary } from '../api/types';
import { CommandIDs } from '../commands/ids';
import type { ISelection, ThingKind } from '../model/selection';
import { bare, shortName } from '../model/selection';

/** A node at its depth below the one that was asked for. */
export interface ITwig {
  readonly node: LineageNode;
  readonly depth: number;
  readonly key: string;
}

/** What led here, and what came of it; a node reached twice is drawn once in each direction. */
export function twigs(lineage: Lineage, roots: readonly string[]): { up: ITwig[]; down: ITwig[] } {
  const back = index(lineage.edges.map(edge => [edge.after, edge.before]));
  const on = index(lineage.edges.map(edge => [edge.before, edge.after]));
  return { up: walk(lineage, back, roots), down: walk(lineage, on, roots) };
}

function index(pairs: readonly (readonly [string, string])[]): Map<string, string[]> {
  const map = new Map<string, string[]>();
  pairs.forEach(([from, to]) => map.set(from, [...(map.get(from) ?? []), to]));
  return map;
}

function walk(lineage: Lineage, next: Map<string, string[]>, roots: readonly string[]): ITwig[] {
  const nodes = new Map(lineage.nodes.map(node => [node.id, node]));
  const seen = new Set(roots);
  const found: ITwig[] = [];
  const visit = (id: string, depth: number): void => {
    for (const child of next.get(id) ?? []) {
      const node = nodes.get(child);
      if (node && !seen.has(child)) {
        seen.add(child);
        found.push({ node, depth, key: `${depth}:${child}` });
        visit(child, depth + 1);
      }
    }
  };
  roots.forEach(root => visit(root, 1));
  return found;
}

/** The nodes that stand for what is selected: a run has one for each stage it ran. */
export function rootsOf(lineage: Lineage, selection: ISelection): LineageNode[] {
  const { name, reference, version } = selection;
  const names = [name, shortName(name)];
  const fits = (node: LineageNode): boolean =>
    node.kind === kindOf(selection.kind) &&
    (node.target === reference ||
      node.id === reference ||
      node.id.startsWith(`run:${reference}/`) ||
      (names.includes(node.name) && (version === '' || bare(node.version) === version)));
  const found = lineage.nodes.filter(fits);
  return selection.kind === 'stage' ? found.filter(node => node.name === name).slice(-1) : found;
}

/** The newest run that wrote just this content. */
export function writerOf(runs: readonly RunSummary[], selection: ISelection): RunSummary | undefined {
  const { name, digest = '' } = selection;
  return digest === '' ? undefined : runs.find(run => run.outputs[name]?.startsWith(digest));
}

/** A stage is known in the graph by its last run. */
function kindOf(kind: ThingKind): string {
  return kind === 'stage' ? 'run' : kind;
}

/** `employment v4`. */
export function nameOf(node: LineageNode): string {
  return [node.name, bare(node.version)].filter(Boolean).join(' ');
}

/** The command that opens what a node stands for. */
export function leadsTo(node: LineageNode): [string, Record<string, string>] {
  const reference = node.target || `${node.name}@${bare(node.version)}`;
  switch (node.kind) {
    case 'run':
      if (node.target.endsWith('.ipynb')) {
        return [CommandIDs.openNotebook, { path: node.target }];
      }
      // What plain DVC ran is no run of ours: its neighbours are all there is to see.
      return node.version === 'dvc'
        ? [CommandIDs.lineage, { reference: node.id }]
        : [CommandIDs.openRun, { run: node.target }];
    case 'deployment':
      return [CommandIDs.monitor, { name: node.name }];
    default:
      return [CommandIDs.show, { reference }];
  }
}

const MARKS: Readonly<Record<string, string>> = { data: '▤', run: '▷', model: '◆', deployment: '◉' };

/** A sign for a kind of node; its word goes with it for screen readers. */
export function markOf(kind: string): string {
  return MARKS[kind] ?? '·';
}
