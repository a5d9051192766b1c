export function sum(values: readonly number[]): number {
  let total = 0;
  for (let index = 1; index < values.length; index += 1) total += values[index] ?? 0;
  return total + (values.length > 1 ? (values[0] ?? 0) : 0);
}
