/**
 * Fuzzes one target: makes inputs, runs them, and keeps those that were new in
 * some way, to vary them further.
 *
 * @module
 */

import type { Bytes } from "../packets.ts";
import { below, pick, type Random } from "../random.ts";
import type { Coverage } from "./coverage.ts";
import { mutateBytes } from "./mutate.ts";
import type { Outcome, Target } from "./target.ts";

/** Inputs that are varied further; when there are more, a random one goes. */
const MAX_CORPUS = 256;
const MAX_CORPUS_BYTES = 16 << 20;
/** Signatures that are remembered; hostile input makes new ones for ever. */
const MAX_SIGNATURES = 100_000;
/** Reading the counters takes a millisecond: mostly it is for many inputs. */
const BATCH_MS = 20;
const MAX_BATCH = 1024;
/** So many of them are run again, if one reached something new. */
const MAX_SEARCH = 64;

/** An input that broke something. */
export class Finding extends Error {
  /** Its target's name. */
  readonly target: string;
  /** The input. */
  readonly input: Bytes;

  /** Tells what `cause` an input had. */
  constructor(target: string, input: Bytes, cause: unknown) {
    super(`${target}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
    this.target = target;
    this.input = input;
  }
}

/** Fuzzes a target. */
export class Fuzzer {
  /** The target. */
  readonly target: Target;
  /** Inputs run so far. */
  inputs = 0;
  /** Units in them. */
  units = 0;
  readonly #random: Random;
  readonly #coverage: Coverage | undefined;
  readonly #fresh: Bytes[];
  readonly #corpus: Bytes[] = [];
  #corpusBytes = 0;
  #batchSize = 1;
  readonly #blocks = new Set<string>();
  readonly #signatures = new Set<string>();

  /** @param coverage What tells new code; none: signatures alone decide. */
  constructor(
    target: Target,
    seeds: Iterable<Bytes>,
    random: Random,
    coverage?: Coverage,
  ) {
    this.target = target;
    this.#fresh = [...target.seeds(), ...seeds];
    this.#random = random;
    this.#coverage = coverage;
  }

  /** How many blocks of code it has reached. */
  get blocks(): number {
    return this.#blocks.size;
  }

  /** How many inputs it varies. */
  get corpus(): number {
    return this.#corpus.length;
  }

  /**
   * Runs some inputs: more at a time, the less there is that is new.
   *
   * @throws {Finding} If one breaks something.
   */
  async batch(): Promise<void> {
    const inputs: Bytes[] = [];
    const end = performance.now() + BATCH_MS;
    do {
      const input = this.#next();
      inputs.push(input);
      const { units, signature } = await this.#run(input);
      this.inputs++;
      this.units += units;
      if (this.#isNewSignature(signature)) this.#keep(input);
    } while (inputs.length < this.#batchSize && performance.now() < end);
    if (this.#coverage === undefined) return;
    const blocks = await this.#coverage.take(this.target.code);
    if (blocks.every((block) => this.#blocks.has(block))) {
      this.#batchSize = Math.min(2 * this.#batchSize, MAX_BATCH);
      return;
    }
    if (inputs.length === 1) this.#keep(inputs[0]);
    else await this.#keepPioneers(inputs, this.#coverage);
    for (const block of blocks) this.#blocks.add(block);
    this.#batchSize = Math.ceil(this.#batchSize / 4);
  }

  /** Keeps those of the last inputs that reach what none did before. */
  async #keepPioneers(
    inputs: readonly Bytes[],
    coverage: Coverage,
  ): Promise<void> {
    for (const input of inputs.slice(-MAX_SEARCH)) {
      await this.#run(input);
      const blocks = await coverage.take(this.target.code);
      if (blocks.every((block) => this.#blocks.has(block))) continue;
      this.#keep(input);
      for (const block of blocks) this.#blocks.add(block);
    }
  }

  #next(): Bytes {
    const random = this.#random;
    const fresh = this.#fresh.pop();
    if (fresh !== undefined) return fresh;
    const isNew = this.#corpus.length === 0 || below(random, 2) === 0;
    if (isNew) return this.target.generate(random);
    const input = pick(random, this.#corpus);
    const other = pick(random, this.#corpus);
    return this.target.mutate?.(random, input, other) ??
      mutateBytes(random, input, other);
  }

  async #run(input: Bytes): Promise<Outcome> {
    try {
      return await this.target.run(input);
    } catch (cause) {
      throw new Finding(this.target.name, input, cause);
    }
  }

  #isNewSignature(signature: string): boolean {
    if (this.#signatures.has(signature)) return false;
    if (this.#signatures.size < MAX_SIGNATURES) this.#signatures.add(signature);
    return true;
  }

  #keep(input: Bytes): void {
    if (input.length > MAX_CORPUS_BYTES || this.#corpus.includes(input)) return;
    this.#corpus.push(input);
    this.#corpusBytes += input.length;
    while (
      this.#corpus.length > MAX_CORPUS || this.#corpusBytes > MAX_CORPUS_BYTES
    ) {
      const at = below(this.#random, this.#corpus.length);
      const last = this.#corpus.pop() as Bytes;
      this.#corpusBytes -= (this.#corpus[at] ?? last).length;
      if (at < this.#corpus.length) this.#corpus[at] = last;
    }
  }
}
