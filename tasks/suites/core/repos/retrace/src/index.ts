export type { Command } from './command.ts';
export { History, type HistoryOptions } from './history.ts';
