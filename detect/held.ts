/**
 * Scans that are complete but not told yet: the host's answers may show within
 * moments that they are none.
 *
 * @module
 */

import { WAITING } from "./followed.ts";
import type { Lockstep } from "./lockstep.ts";
import type { Completion, Reporter } from "./reporter.ts";

/** Scans held at a time; the oldest is told early if there are more. */
const MOST_HELD = 1024;

/** A scan that is held. */
interface Held {
  readonly completion: Completion;
  /** What it shares with others that one round of probes completed, or 0. */
  readonly signature: number;
  /** When it is told. */
  readonly due: number;
}

/** Holds complete scans until they are told, or turn out to be none. */
export class HeldScans {
  /** When {@linkcode HeldScans.settle} wants to be called. */
  deadline = Infinity;
  readonly #reporter: Reporter;
  readonly #lockstep: Lockstep;
  #held: Held[] = [];

  constructor(reporter: Reporter, lockstep: Lockstep) {
    this.#reporter = reporter;
    this.#lockstep = lockstep;
  }

  /**
   * Holds a scan.
   *
   * @param hold How long, in milliseconds.
   */
  add(completion: Completion, signature: number, hold: number): void {
    if (this.#lockstep.join(completion, signature)) return;
    if (this.#held.length >= MOST_HELD) {
      this.#tell([this.#held.shift() as Held]);
    }
    this.#reporter.follow(completion, WAITING);
    const due = completion.time + hold;
    this.#held.push({ completion, signature, due });
    if (due < this.deadline) this.deadline = due;
  }

  /**
   * The scan of an entry that is held; the newest, if an entry was opened anew
   * while the scan that it had made is still held.
   */
  find(entry: number): Completion | undefined {
    return this.#held.findLast(({ completion }) => completion.entry === entry)
      ?.completion;
  }

  /** Gives up a scan that is held: it is none, so far. */
  cancel(completion: Completion): void {
    this.#reporter.drop(completion);
    this.#held = this.#held.filter((held) => held.completion !== completion);
  }

  /** Tells the scans whose time has come. */
  settle(time: number): void {
    while (this.#held.length > 0 && this.deadline <= time) {
      const next = this.#held.find(({ due }) => due <= time);
      if (next === undefined) this.#setDeadline();
      else this.#release(next);
    }
  }

  /** Takes out one scan and those in lockstep with it, and tells them. */
  #release({ signature, due }: Held): void {
    const isNext = (each: Held) =>
      signature === 0
        ? each.due === due && each.signature === 0
        : each.signature === signature;
    const released = this.#held.filter(isNext);
    this.#held = this.#held.filter((each) => !isNext(each));
    this.#setDeadline();
    this.#tell(released);
  }

  #tell(released: readonly Held[]): void {
    const [{ signature }] = released;
    // While they were held, others that got no answers may have become a group.
    const completions = released.map(({ completion }) => completion)
      .filter((each) => !this.#lockstep.join(each, signature));
    if (signature !== 0 && completions.length > 1) {
      if (this.#lockstep.gather(completions, signature)) return;
    }
    for (const completion of completions) this.#reporter.tell(completion);
  }

  #setDeadline(): void {
    this.deadline = this.#held.reduce(
      (soonest, { due }) => Math.min(soonest, due),
      Infinity,
    );
  }

  /** Tells all that are left. */
  finish(): void {
    this.settle(Infinity);
  }
}
