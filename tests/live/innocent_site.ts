/**
 * A watched host, its peer, and whoever else takes part in innocent traffic.
 *
 * @module
 */

import { Folder } from "./daemon.ts";
import { type Namespace, TwoHosts } from "./namespaces.ts";
import { eventually, Process } from "./processes.ts";

/** What a kernel has counted (/proc/net/snmp; RFC 4022, 4113 and 4293). */
export interface Traffic {
  /** Connections that others have made to it. */
  accepted: number;
  /** Connections that it has tried to make. */
  opened: number;
  /** TCP segments that it has received. */
  segments: number;
  /** Segments with RST that it has sent. */
  resets: number;
  /** Datagrams that a socket of it has received. */
  datagrams: number;
  /** Datagrams to ports where nobody listened. */
  strays: number;
  /** ICMP messages that it has sent to tell that. */
  unreachables: number;
}

const COUNTERS: Record<keyof Traffic, readonly [string, string]> = {
  accepted: ["Tcp", "PassiveOpens"],
  opened: ["Tcp", "ActiveOpens"],
  segments: ["Tcp", "InSegs"],
  resets: ["Tcp", "OutRsts"],
  datagrams: ["Udp", "InDatagrams"],
  strays: ["Udp", "NoPorts"],
  unreachables: ["Icmp", "OutDestUnreachs"],
};

/** What a host's kernel has counted since the host was made. */
export async function trafficOf(host: Namespace): Promise<Traffic> {
  const lines = (await host.run(["cat", "/proc/net/snmp"])).split("\n");
  const read = ([protocol, name]: readonly [string, string]) => {
    const [names, values] = lines.filter((line) =>
      line.startsWith(`${protocol}:`)
    ).map((line) => line.split(" "));
    return Number(values[names.indexOf(name)]);
  };
  const entries = Object.entries(COUNTERS).map(([key, counter]) =>
    [key, read(counter)] as const
  );
  return Object.fromEntries(entries) as unknown as Traffic;
}

/** What has been counted between two looks. */
export function difference(before: Traffic, after: Traffic): Traffic {
  const entries = Object.entries(after).map(([key, value]) =>
    [key, value - before[key as keyof Traffic]] as const
  );
  return Object.fromEntries(entries) as unknown as Traffic;
}

/** The watched host and its peer, with everything that runs on them. */
export class Site implements AsyncDisposable {
  readonly #two: TwoHosts;
  readonly #folder: Folder;
  readonly #others: AsyncDisposableStack;
  readonly #processes = new AsyncDisposableStack();

  private constructor(
    two: TwoHosts,
    folder: Folder,
    others: AsyncDisposableStack,
  ) {
    this.#two = two;
    this.#folder = folder;
    this.#others = others;
  }

  /** Makes both hosts and the cable between them. */
  static async create(): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await Folder.create());
    const two = stack.use(await TwoHosts.create());
    return new Site(two, folder, stack.move());
  }

  /** The watched host. */
  get host(): Namespace {
    return this.#two.host;
  }

  /** The other end of its cable. */
  get peer(): Namespace {
    return this.#two.scanner;
  }

  /** A directory for files of both. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Adds something that is disposed of in the end. */
  use<T extends AsyncDisposable>(thing: T): T {
    return this.#others.use(thing);
  }

  /** Starts a process that runs until the end, and waits for its first words. */
  async start(
    host: Namespace,
    command: readonly string[],
    words?: string,
  ): Promise<Process> {
    const process = this.#processes.use(
      new Process(host.inside(command), { input: "never" }),
    );
    if (words !== undefined) await process.told(words);
    return process;
  }

  /**
   * Runs a process to its end, which may take minutes; returns what it has
   * written.
   *
   * @throws {Error} If it fails.
   */
  async finish(host: Namespace, command: readonly string[]): Promise<string> {
    await using process = new Process(host.inside(command));
    await eventually(
      () => process.code >= 0,
      () => `the end of ${command.slice(0, 2).join(" ")}`,
      180_000,
    );
    if (process.code !== 0) {
      throw new Error(
        `${command.join(" ")} ended with ${process.code}:\n${
          process.stderr.join("\n")
        }`,
      );
    }
    return process.stdout.join("\n");
  }

  /** Waits for the first line of a process that goes on running. */
  async line(process: Process): Promise<string> {
    return await eventually(() => process.stdout[0], () => "its first line");
  }

  /** Scans the host in earnest, from the peer's own address. */
  async scan(): Promise<void> {
    await this.#two.scan(undefined, { ports: "1-100" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The end of a namespace ends the children of processes, too, which would
    // keep those from being waited for.
    await this.#others.disposeAsync();
    await this.#processes.disposeAsync();
  }
}
