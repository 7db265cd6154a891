/**
 * A daemon on a machine of its own, with what is sent to it and what it has
 * logged, so that nothing can be lost unnoticed.
 *
 * @module
 */

import { assert, assertEquals } from "../../assert.ts";
import { Folder, startDaemon } from "../daemon.ts";
import { TwoHosts } from "../namespaces.ts";
import { eventually, pause, type Process } from "../processes.ts";
import { sendScans, sourceOf, sourcesIn } from "../scans.ts";
import { SyslogSocket } from "../syslog_socket.ts";
import { type Vitals, vitalsOf } from "./vitals.ts";

/** What SIGUSR2 tells. */
export interface Counts {
  /** Packets that passed the kernel's filter. */
  seen: number;
  /** Packets that the kernel dropped. */
  dropped: number;
  /** Scans found. */
  scans: number;
}

/** Reads a line of counts. */
function parseCounts(line: string): Counts {
  const [, seen, dropped, scans] =
    /^scanlogd: (\d+) packets seen, (\d+) dropped by the kernel, \d+ sources, (\d+) scans, 0 suppressed$/
      .exec(line) ?? [];
  assert(scans !== undefined, `these are no counts: ${line}`);
  return { seen: Number(seen), dropped: Number(dropped), scans: Number(scans) };
}

/** What the daemon may say of itself. */
const EXPECTED = /^scanlogd: (watching: |\d+ packets seen, |losses: )/;
/** Between the program's noticing a packet and syslogd's having the line. */
const ON_ITS_WAY_MS = 300;

/** A daemon under trouble. */
export class Site implements AsyncDisposable {
  readonly two: TwoHosts;
  readonly daemon: Process;
  /** Scans of {@linkcode Site.scan} so far. */
  sent = 0;
  /** Scans that nmap made so far. */
  real = 0;
  /** Scans that were sent while the kernel dropped packets. */
  readonly excused = new Set<string>();
  /** All lines that a syslogd has taken. */
  readonly #earlier: string[] = [];
  readonly #folder: Folder;
  #syslog: SyslogSocket | undefined;
  /** Where the scans begin that are not accounted for yet. */
  #unsettled = 0;
  #dropped = 0;

  private constructor(
    two: TwoHosts,
    folder: Folder,
    syslog: SyslogSocket,
    daemon: Process,
  ) {
    this.two = two;
    this.#folder = folder;
    this.#syslog = syslog;
    this.daemon = daemon;
  }

  /** Makes the machine and starts the daemon on it. */
  static async create(args: readonly string[] = []): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await Folder.create());
    const syslog = stack.use(new SyslogSocket(`${folder.path}/log`));
    const two = stack.use(await TwoHosts.create());
    const daemon = stack.use(
      await startDaemon(two.host, ["--log-burst", "0", ...args], {
        log: `${folder.path}/log`,
      }),
    );
    stack.move();
    return new Site(two, folder, syslog, daemon);
  }

  /** The lines so far. */
  lines(): string[] {
    return [...this.#earlier, ...this.#syslog?.lines() ?? []];
  }

  /** Ends syslogd; nothing is at its place then. */
  async endSyslog(): Promise<void> {
    this.#earlier.push(...this.#syslog?.lines() ?? []);
    this.#syslog?.[Symbol.dispose]();
    this.#syslog = undefined;
    await Deno.remove(`${this.#folder.path}/log`);
  }

  /** Starts it again. */
  startSyslog(): void {
    this.#syslog = new SyslogSocket(`${this.#folder.path}/log`);
  }

  /** Sends scans, each from an address of its own. */
  async scan(count: number): Promise<void> {
    await sendScans(this.two, this.sent, count);
    this.sent += count;
  }

  /** Lets nmap scan the host, which answers. */
  async scanReally(): Promise<void> {
    await this.two.scan();
    this.real++;
  }

  /** Asks the daemon for its counts. */
  async counts(): Promise<Counts> {
    const told = () =>
      this.daemon.stderr.filter((line) => line.includes("packets seen"));
    const before = told().length;
    this.daemon.signal("SIGUSR2");
    return parseCounts(
      await eventually(() => told()[before], () => "the counts"),
    );
  }

  /** What the daemon holds. */
  vitals(): Vitals {
    return vitalsOf(this.daemon.pid);
  }

  /**
   * Waits for the lines of all scans sent so far. If the kernel has dropped
   * packets meanwhile, those of these scans may be missing.
   */
  async settle(): Promise<void> {
    await pause(ON_ITS_WAY_MS);
    const { dropped } = await this.counts();
    if (dropped > this.#dropped) {
      for (let scan = this.#unsettled; scan < this.sent; scan++) {
        this.excused.add(sourceOf(scan));
      }
    }
    this.#dropped = dropped;
    this.#unsettled = this.sent;
    await eventually(
      () => this.#missing().length === 0,
      () => `scans of ${this.#missing().join(", ")}`,
    );
    this.check();
  }

  #missing(): string[] {
    const found = new Set(sourcesIn(this.lines()));
    const all = Array.from({ length: this.sent }, (_, i) => sourceOf(i));
    return all.filter((one) => !found.has(one) && !this.excused.has(one));
  }

  /** Each scan was logged once and in order, and nothing else was. */
  check(): void {
    const lines = this.lines();
    const found = sourcesIn(lines).filter((one) => one.startsWith("10.80."));
    const all = Array.from({ length: this.sent }, (_, i) => sourceOf(i));
    const wanted = new Set(found);
    assertEquals(found, all.filter((one) => wanted.has(one)));
    const others = lines.filter((line) => !line.startsWith("10.80."));
    const strange = others.filter((line) => !line.startsWith("10.77.0.1"));
    assertEquals(strange, [], "lines that nobody has asked for");
    assertEquals(others.length, this.real, others.join("\n"));
    const said = this.daemon.stderr.filter((line) => !EXPECTED.test(line));
    assertEquals(said, [], "the daemon complained");
    assertEquals(this.daemon.code, -1, "the daemon has ended");
  }

  /** Ends the daemon; what it tells at its end must be what it has logged. */
  async end(): Promise<Counts> {
    const before = await this.counts();
    assertEquals(await this.daemon.stop(), 0, this.daemon.stderr.join("\n"));
    const told = this.daemon.stderr.filter((line) =>
      line.includes("packets seen")
    );
    const counts = parseCounts(told.at(-1)!);
    assertEquals(counts.scans, this.lines().length);
    assert(counts.seen >= before.seen && counts.dropped >= before.dropped);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.two[Symbol.asyncDispose]();
    this.#syslog?.[Symbol.dispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}
