/** All patterns without braces that a pattern with braces stands for, in order. */
export function expandBraces(pattern: string): string[] {
  for (let open = 0; open < pattern.length; open += 1) {
    if (pattern[open] === '\\') open += 1;
    else if (pattern[open] === '{') {
      const found = alternatives(pattern, open);
      if (found === undefined) continue;
      const head = pattern.slice(0, open);
      const tails = expandBraces(pattern.slice(found.end));
      return found.list.flatMap((one) => expandBraces(one).flatMap((middle) => tails.map((tail) => head + middle + tail)));
    }
  }
  return [pattern];
}

function alternatives(pattern: string, open: number): { list: string[]; end: number } | undefined {
  const commas: number[] = [];
  let depth = 0;
  for (let at = open; at < pattern.length; at += 1) {
    const char = pattern[at];
    if (char === '\\') at += 1;
    else if (char === '{') depth += 1;
    else if (char === ',' && depth === 1) commas.push(at);
    else if (char === '}') {
      depth -= 1;
      if (depth > 0) continue;
      const list = commas.length > 0 ? cut(pattern, open, commas, at) : range(pattern.slice(open + 1, at));
      return list && { list, end: at + 1 };
    }
  }
  return undefined;
}

function cut(pattern: string, open: number, commas: readonly number[], close: number): string[] {
  const ends = [...commas, close];
  return ends.map((end, index) => pattern.slice((index === 0 ? open : (commas[index - 1] ?? open)) + 1, end));
}

/** `1..3` in either direction, with as many digits as the longer end if one begins with a zero. */
function range(text: string): string[] | undefined {
  const [, first = '', last = ''] = /^(-?\d{1,5})\.\.(-?\d{1,5})$/.exec(text) ?? [];
  if (first === '') return undefined;
  const isPadded = /^-?0\d/.test(first) || /^-?0\d/.test(last);
  const width = isPadded ? Math.max(first.replace('-', '').length, last.replace('-', '').length) : 1;
  const [from, to] = [Number(first), Number(last)];
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => {
    const value = from + index * step;
    return (value < 0 ? '-' : '') + Math.abs(value).toString().padStart(width, '0');
  });
}
