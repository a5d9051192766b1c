import { GraphError } from './errors.ts';

/** What each task needs directly, in the order in which the tasks were added. */
export type Needs = ReadonlyMap<string, readonly string[]>;

/** The tasks and all that they need, directly or not, in the order in which they were added. */
export function neededBy(needs: Needs, targets: readonly string[]): string[] {
  const wanted = new Set<string>();
  const queue = [...targets];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (wanted.has(name)) continue;
    const own = needs.get(name);
    if (own === undefined) throw new GraphError(`there is no task ${JSON.stringify(name)}`);
    wanted.add(name);
    queue.push(...own);
  }
  return [...needs.keys()].filter((name) => wanted.has(name));
}

/** The tasks by how early they can start: the first layer needs nothing, each other one something of the layer before. */
export function layersOf(needs: Needs): string[][] {
  const depths = new Map<string, number>();
  const layers: string[][] = [];
  for (const [name, own] of needs) {
    const depth = Math.max(0, ...own.map((need) => (depths.get(need) ?? 0) + 1));
    depths.set(name, depth);
    (layers[depth] ??= []).push(name);
  }
  return layers;
}
