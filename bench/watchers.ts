/**
 * Who watches a host while something happens to it: ours, the reference, and
 * tcpdump.
 *
 * @module
 */

import { REFERENCE } from "./contenders.ts";
import {
  type Lab,
  type Namespace,
  pause,
  Process,
  run,
  startDaemon,
  startReference,
  SyslogSocket,
} from "./lab.ts";
import { findProgram } from "./programs.ts";
import { type KernelCounts, kernelCounts } from "./usage.ts";

/** What a watcher has seen. */
export interface Counts {
  /** Packets that it was given. */
  seen: number;
  /** Packets that the kernel had no room for. */
  dropped: number;
}

/** A watching process. */
export interface Watcher extends AsyncDisposable {
  /** Its number. */
  readonly pid: number;
  /** Ends it. */
  stop(): Promise<Counts>;
}

/** Somebody who can watch. */
export interface LiveContender {
  /** What it is called in the table. */
  readonly name: string;
  /** The program that must be installed; undefined: nothing. */
  readonly tool?: string;
  /**
   * Starts watching.
   *
   * @param log Where a syslog socket listens.
   */
  start(host: Namespace, log: string): Promise<Watcher>;
}

/** Our program, with options. */
export function ours(
  options: readonly string[] = [],
  name = ["scanlogd", ...options].join(" "),
): LiveContender {
  return {
    name,
    async start(host, log) {
      const daemon = await startDaemon(
        host,
        ["-o", "syslog", ...options],
        { log },
      );
      return new OurWatcher(daemon);
    },
  };
}

class OurWatcher implements Watcher {
  constructor(private readonly daemon: Process) {}

  get pid(): number {
    return this.daemon.pid;
  }

  async stop(): Promise<Counts> {
    await this.daemon.stop();
    const told = await this.daemon.told(" packets seen, ");
    const [seen, dropped] = (told.match(/\d+/g) ?? []).map(Number);
    return { seen, dropped };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
  }
}

/** Debian's scanlogd. */
export const reference: LiveContender = {
  name: REFERENCE,
  tool: "scanlogd",
  async start(host, log) {
    const before = await kernelCounts(host);
    await startReference(host, log);
    return new ReferenceWatcher(host, await findReference(host), before);
  },
};

/** It has gone into the background, where only its name tells it. */
async function findReference(host: Namespace): Promise<number> {
  const pids = (await run(["ip", "netns", "pids", host.name])).split("\n");
  const found = pids.map(Number).find((pid) =>
    Deno.readTextFileSync(`/proc/${pid}/comm`).trim() === "scanlogd"
  );
  if (found === undefined) throw new Error("Debian's scanlogd does not run");
  return found;
}

/** It counts nothing itself; the kernel does. */
class ReferenceWatcher implements Watcher {
  #isRunning = true;

  constructor(
    private readonly host: Namespace,
    readonly pid: number,
    private readonly before: KernelCounts,
  ) {}

  async stop(): Promise<Counts> {
    const { delivered, rawDrops } = await kernelCounts(this.host);
    this.#end();
    const dropped = rawDrops - this.before.rawDrops;
    return { seen: delivered - this.before.delivered - dropped, dropped };
  }

  #end(): void {
    if (this.#isRunning) Deno.kill(this.pid, "SIGKILL");
    this.#isRunning = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#end();
    } catch {
      // It has ended by itself.
    }
    return Promise.resolve();
  }
}

/** As much room for packets as our ring has, in KiB. */
const TCPDUMP_BUFFER = "8192";

/**
 * Our kernel filter, as far as these benchmarks send anything: TCP over IPv4
 * without options and fragments. libpcap makes the same instructions of it, with
 * loads at fixed offsets.
 */
const PLAIN_TCP = "ip[6:4] & 0x3fff00ff = 6 and ip[0] = 0x45";
const TCPDUMP_FILTER =
  `(inbound and ${PLAIN_TCP} and ip[33] != 0x10 and ip[33] != 0x18) or ` +
  `(outbound and ${PLAIN_TCP} and ` +
  "(ip[33] & 0x03 != 0 or ip[33] & 0x14 = 0x04))";

/** tcpdump with our kernel filter, writing to /dev/null. */
export const tcpdump: LiveContender = {
  name: "tcpdump",
  tool: "tcpdump",
  async start(host) {
    const process = new Process(host.inside([
      ...["tcpdump", "-i", "any", "-n", "-B", TCPDUMP_BUFFER],
      ...["-Z", "root", "-w", "/dev/null", TCPDUMP_FILTER],
    ]));
    try {
      await process.told("listening on any");
      return new TcpdumpWatcher(process);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  },
};

class TcpdumpWatcher implements Watcher {
  constructor(private readonly process: Process) {}

  get pid(): number {
    return this.process.pid;
  }

  async stop(): Promise<Counts> {
    await this.process.stop("SIGINT");
    const count = async (what: string) =>
      Number.parseInt(await this.process.told(what));
    return {
      seen: await count("packets captured"),
      dropped: await count("packets dropped by kernel"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** Those that can be run here; tells who cannot. */
export function present(
  contenders: readonly LiveContender[],
): LiveContender[] {
  return contenders.filter(({ name, tool }) => {
    const isThere = tool === undefined || findProgram(tool) !== undefined;
    if (!isThere) console.error(`bench: without ${name}: not installed`);
    return isThere;
  });
}

/** After so long, a process has done what it does at its start only. */
const SETTLE_MS = 700;

/**
 * Lets somebody watch a host while something happens, and ends it afterwards.
 *
 * @param during What happens, once the watcher has come to rest.
 * @returns What `during` returns.
 */
export async function watching<T>(
  contender: LiveContender,
  host: Namespace,
  lab: Lab,
  during: (watcher: Watcher) => Promise<T>,
): Promise<T> {
  const log = lab.newPath("log");
  using _syslog = new SyslogSocket(log);
  await using watcher = await contender.start(host, log);
  await pause(SETTLE_MS);
  return await during(watcher);
}
