export { Config, type Explanation, type Overridden } from './config.ts';
export { ConfigError, InterpolationError, LayerError, type ConfigIssue } from './errors.ts';
export { dotenvLayer, environmentLayer, fileLayer, iniLayer, jsonLayer, objectLayer, type Layer, type VariableOptions } from './layers.ts';
export { load, type LoadOptions } from './load.ts';
export { formatOrigin, type Origin } from './origin.ts';
export { REDACTED } from './redact.ts';
export { type Tree } from './tree.ts';
