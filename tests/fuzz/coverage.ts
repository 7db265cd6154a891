/**
 * Which parts of the program an input has reached, by V8's own counters.
 *
 * @module
 */

import { Session } from "node:inspector";

/** The Chrome DevTools Protocol's Profiler.ScriptCoverage. */
interface ScriptCoverage {
  url: string;
  functions: {
    ranges: { startOffset: number; endOffset: number; count: number }[];
  }[];
}

const ROOT = new URL("../../", import.meta.url).href;

/** Counts what code runs, from the moment it is started. */
export class Coverage {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  /** Starts counting, in blocks inside of functions. */
  static async start(): Promise<Coverage> {
    const session = new Session();
    session.connect();
    const coverage = new Coverage(session);
    await coverage.#post("Profiler.enable");
    await coverage.#post("Profiler.startPreciseCoverage", {
      callCount: true,
      detailed: true,
    });
    return coverage;
  }

  #post(method: string, parameters: object = {}): Promise<unknown> {
    return new Promise((done, fail) => {
      this.#session.post(
        method,
        parameters,
        (error: Error | null, result: unknown) =>
          error === null || error === undefined ? done(result) : fail(error),
      );
    });
  }

  /**
   * The blocks that have run since they were last asked for.
   *
   * @param code Files and folders of the program that count.
   */
  async take(code: readonly string[]): Promise<string[]> {
    const { result } = await this.#post(
      "Profiler.takePreciseCoverage",
    ) as { result: ScriptCoverage[] };
    const blocks: string[] = [];
    for (const { url, functions } of result) {
      if (!code.some((place) => url.startsWith(ROOT + place))) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) blocks.push(`${url} ${startOffset}-${endOffset}`);
        }
      }
    }
    return blocks;
  }

  /** Stops counting. */
  async stop(): Promise<void> {
    await this.#post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}
