/** The lineage graph: from data through notebooks and models to deployments; each node leads to its thing. */
import dagre from '@dagrejs/dagre';
import type { EdgeLabel, Graph as Layers, GraphLabel, NodeLabel } from '@dagrejs/dagre';
import { Background, Controls, Handle, MarkerType, Position, ReactFlow } from '@xyflow/react';
import type { Edge, Node, NodeProps } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMemo } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import type { Lineage, LineageNode } from '../api/types';
import { leadsTo, markOf, nameOf } from '../lineage/model';
import { useCommand, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { lookOf } from '../parts/state';
import { Heading } from './parts';
import type { IViewSpec } from './spec';
import { brief } from './spec';

const WIDTH_PX = 190;
const HEIGHT_PX = 54;
/** How many times wider than high a graph may be before it is turned. */
const LONGEST = 4;

const CALM = { 'unknown-node': 'It is not in the lineage graph: nothing is known to have come of it.' };

type Thing = Node<{ thing: LineageNode; asked: boolean; down: boolean }>;

export default function LineageView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const reference = props.spec.first;
  return (
    <div className="jp-Mlops-sheet jp-mod-full">
      <Heading title={reference ? `Lineage of ${brief(reference)}` : 'Lineage'} verb="lineage" args={{ reference }} />
      <Loaded of={project.reading('lineage', { reference })} calm={CALM}>
        {lineage =>
          lineage.nodes.length > 0 ? (
            <Graph lineage={lineage} asked={reference} />
          ) : (
            <Empty text="Nothing was recorded yet. Commit data or run a stage." />
          )
        }
      </Loaded>
    </div>
  );
}

function Graph(props: { lineage: Lineage; asked: string }): ReactElement {
  const { nodes, edges } = useMemo(() => laidOut(props.lineage, props.asked), [props.lineage, props.asked]);
  return (
    <div className="jp-Mlops-graph">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        fitView
        fitViewOptions={{ maxZoom: 1.1, padding: 0.15 }}
        minZoom={0.1}
        proOptions={{ hideAttribution: false }}
      >
        <Background gap={24} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

const TYPES = { thing: ThingNode };

/** A real button: Tab reaches it, Enter opens what it stands for. */
function ThingNode(props: NodeProps<Thing>): ReactElement {
  const execute = useCommand();
  const { thing, asked, down } = props.data;
  const [command, args] = leadsTo(thing);
  const key = (event: KeyboardEvent): void => {
    // The graph would take Space for panning.
    event.stopPropagation();
  };
  return (
    <>
      <Handle type="target" position={down ? Position.Top : Position.Left} isConnectable={false} />
      <button
        type="button"
        className="jp-Mlops-node nodrag nopan"
        data-kind={thing.kind}
        data-tone={thing.kind === 'deployment' ? lookOf(thing.detail).tone : undefined}
        data-asked={asked}
        title={[nameOf(thing), thing.detail].filter(Boolean).join('\n')}
        aria-label={[`${thing.kind} ${nameOf(thing)}`, thing.kind === 'deployment' && thing.detail]
          .filter(Boolean)
          .join(', ')}
        onClick={() => execute(command, args)}
        onKeyDown={key}
      >
        <span className="jp-Mlops-nodeKind">
          <span aria-hidden="true">{markOf(thing.kind)}</span> {thing.kind}
          {thing.kind === 'deployment' && `, ${lookOf(thing.detail).word}`}
        </span>
        <strong>{nameOf(thing)}</strong>
      </button>
      <Handle type="source" position={down ? Position.Bottom : Position.Right} isConnectable={false} />
    </>
  );
}

/** Layers from left to right, or from the top when that would be a long thin line. */
function laidOut(lineage: Lineage, asked: string): { nodes: Thing[]; edges: Edge[] } {
  const flat = layers(lineage, 'LR');
  const { width = 0, height = 0 } = flat.graph();
  const down = width > LONGEST * height;
  const graph = down ? layers(lineage, 'TB') : flat;
  const nodes = lineage.nodes.map((thing): Thing => {
    const { x = 0, y = 0 } = graph.node(thing.id);
    const position = { x: x - WIDTH_PX / 2, y: y - HEIGHT_PX / 2 };
    const isAsked = asked !== '' && (thing.target === asked || thing.id === asked || thing.name === asked);
    return { id: thing.id, type: 'thing', position, data: { thing, down, asked: isAsked } };
  });
  const edges = lineage.edges.map(({ before, after, kind }) => ({
    id: `${before} ${after} ${kind}`,
    source: before,
    target: after,
    label: kind,
    markerEnd: { type: MarkerType.ArrowClosed }
  }));
  return { nodes, edges };
}

function layers(lineage: Lineage, rankdir: 'LR' | 'TB'): Layers<GraphLabel, NodeLabel, EdgeLabel> {
  const graph = new dagre.graphlib.Graph<GraphLabel, NodeLabel, EdgeLabel>().setDefaultEdgeLabel(() => ({}));
  graph.setGraph({ rankdir, nodesep: 28, ranksep: 56 });
  lineage.nodes.forEach(node => graph.setNode(node.id, { width: WIDTH_PX, height: HEIGHT_PX }));
  lineage.edges.forEach(edge => graph.setEdge(edge.before, edge.after));
  dagre.layout(graph);
  return graph;
}
