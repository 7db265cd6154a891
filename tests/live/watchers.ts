/**
 * Everything that can watch a host, side by side: our captures, and tcpdump
 * writing a file and a pipe.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Folder, launch, startDaemon } from "./daemon.ts";
import type { Namespace } from "./namespaces.ts";
import { eventually, pause, type Process, run } from "./processes.ts";

/** Longer than lines take to arrive. */
const SETTLE_MS = 300;
/** Ways to capture, and what each announces. */
export const KINDS = ["raw", "pcap", "nids"] as const;

/** A way to capture. */
export type Kind = typeof KINDS[number];

/** What a test needs to watch and to scan. */
export const WATCHER_NEEDS = {
  root: true,
  tools: ["ip", "unshare", "nmap", "tcpdump", "editcap", "gzip", "python3"],
};

/** All the watchers of a host. */
export class Watchers implements AsyncDisposable {
  readonly #host: Namespace;
  readonly #options: readonly string[];
  readonly #folder: Folder;
  readonly #started = new AsyncDisposableStack();
  readonly #live = new Map<string, Process>();
  #fileWriter!: Process;
  #pipeWriter!: Process;

  private constructor(
    host: Namespace,
    options: readonly string[],
    folder: Folder,
  ) {
    this.#host = host;
    this.#options = ["-o", "stdout", "--log-burst", "0", ...options];
    this.#folder = folder;
    this.#started.use(folder);
  }

  /** Starts them, with these options besides. */
  static async start(
    host: Namespace,
    options: readonly string[] = [],
  ): Promise<Watchers> {
    const folder = await Folder.create();
    const watchers = new Watchers(host, options, folder);
    try {
      await watchers.#start();
      return watchers;
    } catch (error) {
      await watchers[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const daemons = await Promise.all(KINDS.map(async (kind) => {
      const args = [...this.#options, "--capture", kind];
      return this.#started.use(await startDaemon(this.#host, args));
    }));
    for (const [i, kind] of KINDS.entries()) {
      assertEquals(
        daemons[i].stderr.at(-1),
        `scanlogd: watching: ${kind}, all interfaces`,
      );
      this.#live.set(kind, daemons[i]);
    }
    const pipe = `${this.#folder.path}/pipe`;
    await run(["mkfifo", pipe]);
    this.#live.set("pipe", this.#read("-", pipe));
    this.#fileWriter = this.#tcpdump(this.#file);
    this.#pipeWriter = this.#tcpdump("-", pipe);
    for (const writer of [this.#fileWriter, this.#pipeWriter]) {
      await writer.told("listening on eth0");
    }
  }

  get #file(): string {
    return `${this.#folder.path}/capture.pcap`;
  }

  /**
   * In immediate mode each place of tcpdump's buffer takes a whole packet of the
   * greatest length: by default only 64 find room.
   */
  #tcpdump(target: string, output = "/dev/null"): Process {
    return this.#started.use(this.#host.start([
      ...["sh", "-c", 'exec "$@" >$0', output],
      ...["tcpdump", "-i", "eth0", "-U", "--immediate-mode", "-B", "16384"],
      ...["-s", "2048", "-Z", "root", "-w", target],
    ]));
  }

  #read(path: string, input = "/dev/null"): Process {
    const args = [...this.#options, "--read", path];
    const as = ["sh", "-c", 'exec "$@" <$0', input];
    return this.#started.use(launch(this.#host, args, { as }));
  }

  /** Waits until a live watcher has told so many lines, and the others theirs. */
  async lines(kind: Kind | "pipe", count: number): Promise<string[]> {
    const { stdout } = this.#live.get(kind) as Process;
    await eventually(
      () => stdout.length >= count,
      () => `${count} lines from ${kind}, there are\n${this.#state()}`,
    );
    return stdout;
  }

  /** What each live watcher has told so far. */
  #state(): string {
    return [...this.#live].flatMap(([name, { stdout, stderr }]) => [
      `${stdout.length} lines from ${name}:`,
      ...stdout,
      ...stderr,
    ]).join("\n");
  }

  /**
   * Ends the watching and reads the file in every format.
   *
   * @returns Each way's lines.
   */
  async stop(): Promise<Map<string, string[]>> {
    await pause(SETTLE_MS);
    const lines = new Map<string, string[]>();
    const piped = this.#live.get("pipe")!;
    // It has told them while tcpdump still runs.
    const told = [...piped.stdout];
    lines.set("pipe", told);
    for (const writer of [this.#fileWriter, this.#pipeWriter]) {
      assertEquals(await writer.stop("SIGINT"), 0);
      await writer.told("0 packets dropped by kernel");
    }
    assertEquals(await piped.end(), 0);
    assertEquals(piped.stdout, told);
    for (const kind of KINDS) {
      const daemon = this.#live.get(kind)!;
      assertEquals(await daemon.stop(), 0);
      assertStringIncludes(
        await daemon.told("packets seen"),
        ", 0 dropped by the kernel",
      );
      lines.set(kind, daemon.stdout);
    }
    for (const [name, path] of Object.entries(await this.#formats())) {
      const reader = this.#read(path);
      assertEquals(await reader.end(), 0, reader.stderr.join("\n"));
      assertEquals(reader.stderr, []);
      lines.set(name, reader.stdout);
    }
    return lines;
  }

  /** The file, and the same in other formats. */
  async #formats(): Promise<Record<string, string>> {
    const pcapng = `${this.#file}ng`;
    await run(["editcap", "-F", "pcapng", this.#file, pcapng]);
    await run(["gzip", "--keep", this.#file, pcapng]);
    return {
      "pcap file": this.#file,
      "pcapng file": pcapng,
      "pcap file, gzip": `${this.#file}.gz`,
      "pcapng file, gzip": `${pcapng}.gz`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}

/** `... @HH:MM:SS`: what comes before the time, and the time in seconds. */
export function splitLine(line: string): { text: string; seconds: number } {
  const [, text, time] = /^(.*) @(\d\d:\d\d:\d\d)$/.exec(line) ?? [];
  assert(text !== undefined, `not a line of scanlogd's: ${line}`);
  const [hours, minutes, seconds] = time.split(":").map(Number);
  return { text, seconds: (hours * 60 + minutes) * 60 + seconds };
}

/** How many seconds apart the same time may be told on a busy machine. */
const APART = 15;
const DAY = 86_400;

/** The lines must be the same, but for some seconds more or less. */
export function assertSameLines(
  found: readonly string[],
  expected: readonly string[],
  name: string,
): void {
  assertEquals(
    found.map((line) => splitLine(line).text),
    expected.map((line) => splitLine(line).text),
    name,
  );
  for (const [i, line] of found.entries()) {
    const apart = Math.abs(
      splitLine(line).seconds - splitLine(expected[i]).seconds,
    );
    assert(
      Math.min(apart, DAY - apart) <= APART,
      `${name}: ${line}\nnot ${expected[i]}`,
    );
  }
}
