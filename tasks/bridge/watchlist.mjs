// Which of the objects that two processes share are looked at for changes with each message: the last that crossed, fewer of them in tests
// that send very many messages. Of the others, which have not been spoken of for long, some are looked at in turn.

const LIMIT = 512;
const LIMIT_LATER = 48;
const LATER = 4000;
const OTHERS_EACH_TIME = 16;

export class Watchlist {
  /** Records by key, those that crossed last at the end. */
  #last = new Map();
  #others = [];
  #turn = 0;
  #messages = 0;

  /** An object that crosses is looked at from now on. One that is frozen cannot change, and a function hardly does. */
  add(key, record) {
    const { before, kind } = record;
    if (before === undefined || (before.fixed === 2 && (kind === "obj" || kind === "arr" || kind === "fn"))) return;
    if (kind === "fn" && !record.class) {
      this.#setAside(key, record);
      return;
    }
    this.#last.delete(key);
    this.#last.set(key, record);
  }

  /** Those to look at with the next message, each as [key, record]. */
  next() {
    const entries = [...this.#last];
    this.#messages += 1;
    const limit = this.#messages > LATER ? LIMIT_LATER : LIMIT;
    for (const [key, record] of entries) {
      if (this.#last.size <= limit) break;
      this.#last.delete(key);
      this.#setAside(key, record);
    }
    for (let count = Math.min(OTHERS_EACH_TIME, this.#others.length); count > 0; count -= 1) {
      this.#turn = (this.#turn + 1) % this.#others.length;
      entries.push(this.#others[this.#turn]);
    }
    return entries;
  }

  /** Among the others, once, however often it comes and goes. */
  #setAside(key, record) {
    if (!record.aside) this.#others.push([key, record]);
    record.aside = true;
  }
}
