/**
 * Which interfaces are meant: by name, by pattern, or all but some.
 *
 * @module
 */

/** Whether one of the texts of `--interface` is more than a name. */
export function hasPatterns(texts: readonly string[]): boolean {
  return texts.some((text) => /^!|[*?]/.test(text));
}

/** Names and patterns: `*` and `?` match, a leading `!` leaves out. */
export class InterfacePatterns {
  readonly #wanted: readonly RegExp[];
  readonly #unwanted: readonly RegExp[];

  constructor(texts: readonly string[]) {
    this.#wanted = texts.filter((text) => !text.startsWith("!"))
      .map(toExpression);
    this.#unwanted = texts.filter((text) => text.startsWith("!"))
      .map((text) => toExpression(text.slice(1)));
  }

  /** Whether an interface is meant; if all that is given is left out, all others. */
  matches(name: string): boolean {
    const isWanted = this.#wanted.length === 0 ||
      this.#wanted.some((expression) => expression.test(name));
    return isWanted &&
      !this.#unwanted.some((expression) => expression.test(name));
  }
}

function toExpression(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}

const UNKNOWN = 0;
const WATCHED = 1;
const PASSED_OVER = 2;
/** At first; the table stays at most half full. */
const SLOTS = 64;
/** Of more interfaces than these, those that are long gone make room. */
const MAX_ENTRIES = 4096;

/**
 * Which interfaces are watched, by number: asked once per packet, decided when an
 * interface appears or gets another name. What is gone stays known for a while:
 * packets of it may still wait in the ring.
 */
export class WatchedInterfaces {
  readonly #patterns: InterfacePatterns;
  readonly #learn: () => Iterable<[name: string, index: number]>;
  #numbers = new Int32Array(SLOTS);
  #decisions = new Uint8Array(SLOTS);
  #count = 0;

  /**
   * @param learn Asked when a packet comes from an interface that is not known:
   * decides on those that have just appeared, and gives all there are.
   */
  constructor(
    patterns: InterfacePatterns,
    learn: () => Iterable<[name: string, index: number]>,
  ) {
    this.#patterns = patterns;
    this.#learn = learn;
  }

  /** Whether packets of an interface count. */
  has(index: number): boolean {
    const decision = this.#decisions[this.#slot(index)];
    return decision === UNKNOWN ? this.#find(index) : decision === WATCHED;
  }

  /** Decides on an interface by its name; returns whether it is watched. */
  decide(name: string, index: number): boolean {
    const isWatched = this.#patterns.matches(name);
    this.#put(index, isWatched ? WATCHED : PASSED_OVER);
    return isWatched;
  }

  #find(index: number): boolean {
    const links = [...this.#learn()];
    if (this.#count > MAX_ENTRIES) this.#keepNear(index);
    for (const [name, number] of links) this.decide(name, number);
    const slot = this.#slot(index);
    // It is gone, and nobody has said what its name was.
    if (this.#decisions[slot] === UNKNOWN) this.#put(index, PASSED_OVER);
    return this.#decisions[this.#slot(index)] === WATCHED;
  }

  #put(index: number, decision: number): void {
    const slot = this.#slot(index);
    const isNew = this.#decisions[slot] === UNKNOWN;
    this.#numbers[slot] = index;
    this.#decisions[slot] = decision;
    if (isNew && ++this.#count * 2 > this.#numbers.length) this.#grow();
  }

  /** The interface's slot, or the free one where it belongs. */
  #slot(index: number): number {
    const mask = this.#numbers.length - 1;
    let slot = index & mask; // the kernel counts them up
    while (
      this.#decisions[slot] !== UNKNOWN && this.#numbers[slot] !== index
    ) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    this.#rebuild(2 * this.#numbers.length, () => true);
  }

  /** Forgets all but what appeared shortly before: the kernel counts up. */
  #keepNear(index: number): void {
    this.#rebuild(
      this.#numbers.length,
      (number) => Math.abs(index - number) < MAX_ENTRIES / 2,
    );
  }

  #rebuild(size: number, isKept: (number: number) => boolean): void {
    const numbers = this.#numbers;
    const decisions = this.#decisions;
    this.#numbers = new Int32Array(size);
    this.#decisions = new Uint8Array(size);
    this.#count = 0;
    for (const [i, decision] of decisions.entries()) {
      if (decision !== UNKNOWN && isKept(numbers[i])) {
        this.#put(numbers[i], decision);
      }
    }
  }
}
