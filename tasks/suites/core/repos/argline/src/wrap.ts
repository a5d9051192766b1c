/** Breaking text into lines. Widths are in columns; colour escapes take none. */

// oxlint-disable-next-line no-control-regex -- the escape character is the point
const ESCAPES = /\u001B\[[\d;]*m/g;

/** The columns that `text` takes, colour escapes aside. */
export function columns(text: string): number {
  return [...text.replace(ESCAPES, "")].length;
}

/**
 * Breaks `text` at blanks so that no line is wider than `width`, except for a single word that is. Line breaks in the
 * text are kept; an empty line stays empty. Runs of blanks within a line become one.
 */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, width));
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    if (line === "") line = word;
    else if (columns(line) + 1 + columns(word) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

export interface Row {
  readonly left: string;
  readonly right: string;
}

/** The widest left column; a longer entry has its text on the lines below. */
const WIDEST_LEFT = 28;
const INDENT = "  ";
const GAP = 2;
/** Text is never squeezed narrower than this, even if lines then pass the width asked for. */
const NARROWEST_RIGHT = 20;

/** Rows in two columns: names on the left, text wrapped on the right with a hanging indent. */
export function table(rows: readonly Row[], width: number): string[] {
  const fitting = rows.map((row) => columns(row.left)).filter((left) => left <= WIDEST_LEFT);
  const start = INDENT.length + Math.max(0, ...fitting) + GAP;
  const hanging = " ".repeat(start);
  return rows.flatMap(({ left, right }) => {
    const label = INDENT + left;
    if (right === "") return [label];
    const lines = wrap(right, Math.max(NARROWEST_RIGHT, width - start)).map((line) => (line === "" ? "" : hanging + line));
    if (columns(left) > WIDEST_LEFT) return [label, ...lines];
    const [first = "", ...others] = lines;
    return [label + " ".repeat(start - columns(label)) + first.slice(start), ...others];
  });
}
