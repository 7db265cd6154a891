/**
 * Processes that a test starts, and waiting that always ends.
 *
 * @module
 */

import { assertEquals } from "../assert.ts";

const POLL_MS = 10;
/** No scanner takes longer, and no daemon to start, even on a busy machine. */
const PATIENCE_MS = 60_000;

/** From here on an exit status means a signal. */
const KILLED = 128;

function isObject(line: string): boolean {
  return line.startsWith("{");
}

/** Waits for a time in milliseconds. */
export function pause(time: number): Promise<void> {
  return new Promise((done) => setTimeout(done, time));
}

/**
 * Looks until there is something.
 *
 * @throws {Error} If there is nothing in the end.
 */
export async function eventually<T>(
  look: () => T | undefined | false,
  what: () => string,
  patience: number = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patience;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) {
      throw new Error(`Waited ${patience} ms in vain for ${what()}`);
    }
    await pause(POLL_MS);
  }
}

/** Where and how to start a process. */
export interface StartOptions {
  /** Variables besides the test's own. */
  env?: Record<string, string>;
  /**
   * What stands on its standard input; "never" for an input that stays open
   * and empty. The end of input if left out.
   */
  input?: Uint8Array<ArrayBuffer> | "never";
}

/** A running process and the lines that it has written so far. */
export class Process implements AsyncDisposable {
  /** The lines of standard output. */
  readonly stdout: string[] = [];
  /** The lines of standard error. */
  readonly stderr: string[] = [];
  /** The exit status, or -1 while it runs. */
  code = -1;
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<void>;

  /** @param command The program and its arguments. */
  constructor(command: readonly string[], { env, input }: StartOptions = {}) {
    const [program, ...args] = command;
    this.#name = command.join(" ");
    this.#child = new Deno.Command(program, {
      args,
      env: { PATH: SEARCH_PATH, DENO_NO_UPDATE_CHECK: "1", ...env },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#ended = this.#watch(input);
  }

  /** The number of the process. */
  get pid(): number {
    return this.#child.pid;
  }

  async #watch(input: StartOptions["input"]): Promise<void> {
    const { stdout, stderr } = this.#child;
    const done = [collect(stdout, this.stdout), collect(stderr, this.stderr)];
    if (input instanceof Uint8Array) done.push(feed(this.#child.stdin, input));
    const { code } = await this.#child.status;
    if (input === "never") await this.#child.stdin.close().catch(() => {});
    await Promise.all(done);
    this.code = code;
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /**
   * Waits for the end.
   *
   * @throws {Error} If it does not come, or an event that was written is not as
   * its schema says.
   */
  async end(): Promise<number> {
    await eventually(
      () => this.code >= 0,
      () => `the end of ${this.#name}\n${this.stderr.join("\n")}`,
    );
    await this.#checkDocuments();
    return this.code;
  }

  async #checkDocuments(): Promise<void> {
    // What was killed may have written half a line.
    if (this.code >= KILLED || !this.stdout.some(isObject)) return;
    const { assertDocuments } = await import("../schema.ts");
    assertDocuments(this.stdout);
  }

  /** Ends it as an administrator would; returns the exit status. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.signal(signal);
    return await this.end();
  }

  /** The first line of standard error, there already or to come, with a text. */
  async told(text: string): Promise<string> {
    return await eventually(
      () => {
        const line = this.stderr.find((line) => line.includes(text));
        if (line === undefined && this.code >= 0) {
          throw new Error(
            `${this.#name} ended with ${this.code}:\n${this.stderr.join("\n")}`,
          );
        }
        return line;
      },
      () => `"${text}" from ${this.#name}:\n${this.stderr.join("\n")}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.code < 0) {
      try {
        this.signal("SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    await this.#ended;
  }
}

/** Daemons live where an ordinary user's search path does not lead. */
const SEARCH_PATH = `${
  Deno.env.get("PATH") ?? "/usr/bin:/bin"
}:/usr/sbin:/sbin`;

async function collect(
  stream: ReadableStream<Uint8Array>,
  lines: string[],
): Promise<void> {
  for await (const line of linesOf(stream)) {
    lines.push(line);
  }
}

async function* linesOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function feed(
  stream: WritableStream<Uint8Array>,
  input: Uint8Array,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // Whoever does not read to the end says so itself.
  }
}

/**
 * Runs a process to its end; returns what it has written to standard output.
 *
 * @throws {Error} If it fails or does not end.
 */
export async function run(
  command: readonly string[],
  options?: StartOptions,
): Promise<string> {
  await using process = new Process(command, options);
  const code = await process.end();
  if (code !== 0) {
    throw new Error(
      `${command.join(" ")} ended with ${code}:\n${process.stderr.join("\n")}`,
    );
  }
  return process.stdout.join("\n");
}

/**
 * Checks that no core is ever made of a process: its files in /proc then belong to
 * root, whoever it is (proc(5)).
 */
export function assertUndumpable(pid: number): void {
  assertEquals(Deno.statSync(`/proc/${pid}/fd`).uid, 0);
}
