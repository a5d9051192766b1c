export { applyPatch } from './apply.ts';
export type { ApplyOptions, ApplyResult, Placement } from './apply.ts';
export { diffLines, diffWords, formatWordDiff } from './diff.ts';
export type { Segment, SegmentKind } from './diff.ts';
export type { JsonArray, JsonObject, JsonValue } from './json.ts';
export { merge, mergeChunks } from './merge.ts';
export type { MergeChunk, MergeChunkKind, MergeOptions, MergeResult } from './merge.ts';
export { diffSequences } from './myers.ts';
export type { Change } from './myers.ts';
export { readOperations } from './operation.ts';
export type { Operation, OperationKind } from './operation.ts';
export { createPatch, reversePatch } from './patch.ts';
export type {
  FilePatch,
  Hunk,
  HunkLine,
  HunkLineKind,
  PatchInput,
  PatchOptions,
} from './patch.ts';
export { formatPointer, parsePointer } from './pointer.ts';
export { applyOperations, OperationError } from './structural-apply.ts';
export { diffValues, invertOperations } from './structural-diff.ts';
export { splitLines, splitWords } from './text.ts';
export { formatPatch, parsePatch, PatchSyntaxError } from './unified.ts';
