/** Which transitions an event enables in a configuration. Pure; runs guards, nothing else. */
import type { EventObject, SystemEvent } from './config.ts';
import { leaves, type Configuration } from './configuration.ts';
import { ancestors, type StateNode, type Transition } from './tree.ts';

/**
 * For every active leaf, the first enabled transition on the way from the leaf to the root. Leaves are visited in
 * document order, and a transition that several leaves share is listed once.
 */
export function selectTransitions<C, E extends EventObject>(
  configuration: Configuration<C, E>,
  event: E | SystemEvent,
  context: C,
): Transition<C, E>[] {
  return select(configuration, event, context, (node) => {
    const keys = descriptors(event.type);
    return keys.flatMap((key) => node.transitions.get(key) ?? []);
  });
}

/** Like `selectTransitions`, for the transitions that need no event; `event` is the one being handled. */
export function selectAlways<C, E extends EventObject>(
  configuration: Configuration<C, E>,
  event: E | SystemEvent,
  context: C,
): Transition<C, E>[] {
  return select(configuration, event, context, (node) => node.always);
}

function select<C, E extends EventObject>(
  configuration: Configuration<C, E>,
  event: E | SystemEvent,
  context: C,
  candidates: (node: StateNode<C, E>) => readonly Transition<C, E>[],
): Transition<C, E>[] {
  const selected = new Set<Transition<C, E>>();
  for (const leaf of leaves(configuration)) {
    for (const node of [leaf, ...ancestors(leaf)]) {
      const enabled = candidates(node).find(({ guard }) => guard === undefined || guard({ context, event }));
      if (enabled !== undefined) {
        selected.add(enabled);
        break;
      }
    }
  }
  return [...selected];
}

const SYSTEM_EVENT = /^(?:statewell|after|done\.invoke|error\.invoke)\./;

/** Descriptors that match an event type, the most specific first. Wildcards do not match the library's own events. */
function descriptors(type: string): string[] {
  const found = [type];
  if (SYSTEM_EVENT.test(type)) return found;
  for (let dot = type.lastIndexOf('.'); dot > 0; dot = type.lastIndexOf('.', dot - 1)) {
    found.push(`${type.slice(0, dot)}.*`);
  }
  found.push('*');
  return found;
}
