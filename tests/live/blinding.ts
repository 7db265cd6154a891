/**
 * A host under attack, watched by ours with its defaults and by Debian's
 * scanlogd.
 *
 * @module
 */

import { Folder, startDaemon, startReference } from "./daemon.ts";
import { listen } from "./listener.ts";
import {
  addAddress,
  HOST,
  type Namespace,
  SCANNER,
  SCANNER_IPV6,
  TwoHosts,
} from "./namespaces.ts";
import { eventually, type Process, run } from "./processes.ts";
import { SyslogSocket } from "./syslog_socket.ts";

/** What an attack takes, besides the reference. */
export const ATTACK_TOOLS = [
  ...["ip", "unshare", "sysctl", "python3", "nmap", "trafgen", "scanlogd"],
];

/** Ports that the attacked host listens on. */
export const OPEN_PORTS: readonly number[] = [21, 22, 80];

/** Two hosts, the watchers of one, and what they have logged. */
export class Arena extends TwoHosts {
  readonly #things = new AsyncDisposableStack();
  #folder!: Folder;
  #ourLog!: SyslogSocket;
  #referenceLog!: SyslogSocket;
  /** Our program. */
  daemon!: Process;

  /**
   * Makes the hosts. The scanner is the other host's router too: answers to
   * forged sources leave the host, and get lost there.
   */
  static override async create(
    { reference = true, args = [] as readonly string[] } = {},
  ): Promise<Arena> {
    const { scanner, host } = await TwoHosts.create();
    const arena = new Arena(scanner, host);
    try {
      await arena.#start(reference, args);
      return arena;
    } catch (error) {
      await arena[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(reference: boolean, args: readonly string[]): Promise<void> {
    const { host } = this;
    await host.run(["ip", "route", "add", "default", "via", SCANNER]);
    await host.run([
      "ip",
      "-6",
      "route",
      "add",
      "default",
      "via",
      SCANNER_IPV6,
    ]);
    this.#folder = this.#things.use(await Folder.create());
    const paths = ["ours", "reference"].map((name) =>
      `${this.#folder.path}/${name}`
    );
    this.#ourLog = this.#things.use(new SyslogSocket(paths[0]));
    this.#referenceLog = this.#things.use(new SyslogSocket(paths[1]));
    this.#things.use(await listen(host, OPEN_PORTS));
    if (reference) await startReference(host, paths[1]);
    this.daemon = this.#things.use(
      await startDaemon(host, args, { log: paths[0] }),
    );
  }

  /** What ours has logged so far. */
  get ours(): string[] {
    return this.#ourLog.lines();
  }

  /** What the reference has logged so far. */
  get reference(): string[] {
    return this.#referenceLog.lines();
  }

  /** Waits until ours has logged a line that fits. */
  async line(
    what: string,
    fits: (line: string) => boolean,
    patience?: number,
  ): Promise<string> {
    return await eventually(
      () => this.ours.find(fits),
      () => `${what}; there is\n${this.ours.join("\n")}`,
      patience,
    );
  }

  /** Runs nmap on the scanner. */
  async nmap(...args: string[]): Promise<void> {
    await this.scanner.run(["nmap", "-n", "-Pn", ...args, HOST]);
  }

  /** Ends ours as an administrator would; returns its last words. */
  async stop(): Promise<string> {
    const code = await this.daemon.stop();
    const told = this.daemon.stderr.join("\n");
    if (code !== 0) throw new Error(`scanlogd ended with ${code}:\n${told}`);
    return told;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#things.disposeAsync();
    await super[Symbol.asyncDispose]();
  }
}

/** Whether a line tells a scan of this source's. */
export function isScanBy(source: string): (line: string) => boolean {
  return (line) =>
    line.startsWith(`${source} to `) || line.startsWith(`${source}:`);
}

/** Whether a line names this source among those not logged. */
export function isUnlogged(source: string): (line: string) => boolean {
  return (line) =>
    /^\d+ port scans of \d+ sources not logged: |^Not logged either: /
      .test(line) &&
    line.replace(/^.*?: /, "").split(/, | and /)
      .some((name) => name.replace(/ \(\w+\)$/, "") === source);
}

/**
 * A packet program for trafgen(8): a SYN from a random address of 198.0.0.0/8,
 * with true checksums, so that the host refuses it.
 */
function forgedSyn(target: string): string {
  return `{
  eth(da=${target}, type=0x800),
  0x45, 0, c16(40), drnd(2), 0, 0, 64, 6, csumip(14, 33),
  198, drnd(3), ${HOST.replaceAll(".", ", ")},
  drnd(2), c16(23), drnd(4), c32(0), 0x50, 2, c16(1024), csumtcp(14, 34), c16(0)
}`;
}

/** Sends SYNs of random forged sources, one each. */
export class Forger implements AsyncDisposable {
  readonly #scanner: Namespace;
  readonly #folder: Folder;

  private constructor(scanner: Namespace, folder: Folder) {
    this.#scanner = scanner;
    this.#folder = folder;
  }

  static async create({ scanner, host }: TwoHosts): Promise<Forger> {
    const forger = new Forger(scanner, await Folder.create());
    const mac = await host.run(["cat", "/sys/class/net/eth0/address"]);
    await Deno.writeTextFile(forger.#program, forgedSyn(mac));
    return forger;
  }

  get #program(): string {
    return `${this.#folder.path}/syn.cfg`;
  }

  #command(count: number, args: readonly string[]): string[] {
    return this.#scanner.inside([
      ...["trafgen", "--no-sock-mem", "-q", "-o", "eth0", "-i", this.#program],
      ...["-n", String(count), ...args],
    ]);
  }

  /** Sends so many, at a rate or as fast as so many processors can. */
  async send(count: number, cpus = 1, rate?: string): Promise<void> {
    const limit = rate === undefined ? [] : ["--rate", rate];
    await run(this.#command(count, ["--cpus", String(cpus), ...limit]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/**
 * Forged sources that the reference's hash takes for the same as the scanner:
 * `hashfunc` of scanlogd.c folds the address, as it stands in memory on a
 * little-endian machine, into 9 bits.
 */
export function collidingSources(count: number): string[] {
  const wanted = referenceHash(SCANNER);
  const found: string[] = [];
  for (let i = 1; found.length < count; i++) {
    const address = `198.51.${i >> 8}.${i & 0xff}`;
    if (referenceHash(address) === wanted) found.push(address);
  }
  return found;
}

const HASH_LOG = 9;

function referenceHash(address: string): number {
  const bytes = address.split(".").map(Number);
  let value = (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) >>>
    0;
  let hash = 0;
  for (; value !== 0; value >>>= HASH_LOG) hash ^= value;
  return hash & ((1 << HASH_LOG) - 1);
}

/** Gives a host addresses on the link besides its own. */
export async function addAddresses(
  host: Namespace,
  addresses: readonly string[],
): Promise<void> {
  for (const address of addresses) {
    await addAddress(host, "eth0", `${address}/24`);
  }
}
