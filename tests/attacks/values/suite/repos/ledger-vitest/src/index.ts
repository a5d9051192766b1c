/** An amount of somebody's, with the day of the month. */
export interface Entry {
  readonly name: string;
  readonly amount: number;
  readonly day: number;
}

/** Reads `ann 3 on 7, bob 4 on 9`. */
export function read(text: string): Entry[] {
  return text.split(", ").map((part) => {
    const [name = "", amount = "", , day = ""] = part.split(" ");
    return { name, amount: Number(amount), day: Number(day) };
  });
}
