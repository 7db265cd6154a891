/**
 * What a search of a live stream needs of its surroundings: how time passes, and
 * when to stop.
 *
 * @module
 */

/**
 * How time passes. A search needs it only on a live stream. `systemClock` of the
 * sub-path `web` is the one of the platform.
 */
export interface Clock {
  /** Milliseconds, fractions allowed, since any start; it never goes backwards. */
  now(): number;
  /**
   * Calls back once, later.
   *
   * @param milliseconds From now on.
   * @returns Calls it off.
   */
  schedule(callback: () => void, milliseconds: number): () => void;
}

/** An `AbortSignal`, as far as it is needed here. */
export interface StopSignal {
  /** Whether to stop. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason: unknown;
  /** Calls back once it is to stop. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Calls back no more. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Timers cannot be set for longer everywhere, in milliseconds. */
const LONGEST_SLEEP_MS = 60_000;
/** What is there already comes before what time decides, in milliseconds. */
const SHORTEST_SLEEP_MS = 1;

/**
 * Waits for something, until it is time for something else, or to stop. One
 * listener and one timer at most are set however often it is asked.
 */
export class Waiter {
  readonly #clock: Clock | undefined;
  readonly #signal: StopSignal | undefined;
  #wake: () => void = () => {};
  readonly #onAbort = () => this.#wake();

  constructor(clock: Clock | undefined, signal: StopSignal | undefined) {
    this.#clock = clock;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  /**
   * Waits once.
   *
   * @param pending What it waits for; it may be waited for again.
   * @param milliseconds For how long at most; Infinity: however long it takes.
   * @throws The signal's reason once it is to stop.
   */
  async wait(pending: Pending, milliseconds: number): Promise<void> {
    this.throwIfAborted();
    if (!pending.isSettled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        pending.onSettled = resolve;
        this.#sleep(resolve, milliseconds);
      }).finally(() => this.#cancel());
    }
    this.throwIfAborted();
  }

  #cancel: () => void = () => {};

  #sleep(wake: () => void, milliseconds: number): void {
    this.#cancel = () => {};
    if (this.#clock === undefined || milliseconds === Infinity) return;
    this.#cancel = this.#clock.schedule(
      wake,
      Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, milliseconds)),
    );
  }

  /** @throws The signal's reason if it is to stop. */
  throwIfAborted(): void {
    if (this.#signal?.aborted) throw this.#signal.reason;
  }

  /** Listens to the signal no more. */
  end(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** A promise of which is known whether it is settled, and with what. */
export class Pending<T = unknown> {
  /** Whether it is. */
  isSettled = false;
  /** Called once it is. */
  onSettled: () => void = () => {};
  #value: T | undefined;
  #error: unknown;
  #isRejected = false;

  constructor(promise: Promise<T>) {
    const settle = () => {
      this.isSettled = true;
      this.onSettled();
    };
    promise.then((value) => {
      this.#value = value;
      settle();
    }, (error) => {
      this.#error = error;
      this.#isRejected = true;
      settle();
    });
  }

  /** What it was settled with. */
  get value(): T {
    if (this.#isRejected) throw this.#error;
    return this.#value as T;
  }
}
