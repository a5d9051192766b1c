export function count(text: string): number {
  return text.split(" ").length;
}
