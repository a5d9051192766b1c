/** How keys of a declaration are spelt on the command line. */

/** `outDir` is spelt `--out-dir`; this returns the part behind the dashes. */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The long name that turns a negatable flag off. */
export function negatedName(key: string): string {
  return `no-${longName(key)}`;
}

export function isOptionKey(key: string): boolean {
  return /^[a-z][A-Za-z0-9]*$/.test(key);
}

export function isCommandName(name: string): boolean {
  return /^[A-Za-z0-9][\w:.-]*$/.test(name);
}

/** `-` alone is a conventional name for standard input, so it is a plain word. */
export function looksLikeOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

export function looksLikeNegativeNumber(word: string): boolean {
  return /^-\d+$/.test(word);
}
