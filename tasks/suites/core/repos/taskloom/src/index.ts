export { dot, describe } from './describe.ts';
export { GraphError, RunError } from './errors.ts';
export { graph, Graph, type TaskContext, type Work } from './graph.ts';
export { layersOf, neededBy } from './order.ts';
export type { RunEvent, RunOptions } from './run.ts';
