export { expandBraces } from './braces.ts';
export { escape, isMagic } from './escape.ts';
export { glob, Glob, type GlobOptions } from './glob.ts';
export { select } from './select.ts';
