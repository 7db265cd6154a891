/**
 * How often to look at changes of addresses and interfaces: a host that makes and
 * removes hundreds of them must not keep us busy.
 *
 * @module
 */

/** The first of several changes is looked at at once, the next so much later. */
const SHORTEST_PAUSE_MS = 20;
/** Looking takes at most one part in so many of the time. */
const SHARE = 20;

/** Spaces out what is asked for again and again. */
export class ChangePacer {
  #next = -Infinity;

  /** How long to wait until the next look, in milliseconds; 0: it is due. */
  get pause(): number {
    return Math.max(0, this.#next - performance.now());
  }

  /** Looks, and remembers how long that took. */
  look(refresh: () => void): void {
    const start = performance.now();
    refresh();
    const end = performance.now();
    this.#next = end + Math.max(SHORTEST_PAUSE_MS, SHARE * (end - start));
  }
}
