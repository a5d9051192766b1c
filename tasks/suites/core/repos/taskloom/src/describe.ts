import type { Graph } from './graph.ts';

/** One line for each task, with what it needs. */
export function describe(graph: Graph): string {
  return [...graph.needs].map(([name, needs]) => (needs.length === 0 ? name : `${name} <- ${needs.join(', ')}`)).join('\n');
}

/** The graph in the language of Graphviz. */
export function dot(graph: Graph): string {
  const lines = [...graph.needs].flatMap(([name, needs]) => [
    `  ${JSON.stringify(name)};`,
    ...needs.map((need) => `  ${JSON.stringify(need)} -> ${JSON.stringify(name)};`),
  ]);
  return ['digraph {', ...lines, '}'].join('\n');
}
