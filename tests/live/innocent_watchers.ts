/**
 * Tries innocent traffic out on programs that look for scans.
 *
 * @module
 */

import { startDaemon, startReference } from "./daemon.ts";
import { difference, Site, type Traffic, trafficOf } from "./innocent_site.ts";
import type { Figures } from "./innocent_python.ts";
import { pause } from "./processes.ts";
import { SyslogSocket } from "./syslog_socket.ts";

/** Traffic that is no scan. */
export interface Innocent {
  /** What it is, in words for a table. */
  name: string;
  /** Programs that it needs. */
  tools: readonly string[];
  /** What the host's kernel must have counted at least while it went on. */
  atLeast: Partial<Traffic>;
  /** What stands before the watching begins. */
  prepare?(site: Site): Promise<unknown>;
  /**
   * Lets it happen.
   *
   * @returns What happened, in numbers.
   * @throws {Error} If it did not really happen.
   */
  run(site: Site): Promise<Figures>;
}

/** A program that watches while it does. */
export interface Watch extends AsyncDisposable {
  /** What it has reported so far. */
  lines(): string[];
}

/** A program that looks for scans. */
export interface Watcher {
  /** Its name, in words for a table. */
  name: string;
  /** Starts it on the site's host; it watches as soon as this returns. */
  start(site: Site): Promise<Watch>;
}

/** Our program as it comes, except that it tells on standard output, too. */
export const OURS: Watcher = {
  name: "scanlogd for Deno",
  async start({ host, folder }) {
    const log = `${folder}/ours`;
    const socket = new SyslogSocket(log);
    const args = ["--output", "syslog", "--output", "json"];
    const daemon = await startDaemon(host, args, { log });
    return {
      lines: () => socket.lines(),
      async [Symbol.asyncDispose]() {
        await daemon[Symbol.asyncDispose]();
        socket[Symbol.dispose]();
      },
    };
  },
};

/** Debian's scanlogd. */
export const REFERENCE: Watcher = {
  name: "scanlogd",
  async start({ host, folder }) {
    const log = `${folder}/reference`;
    const socket = new SyslogSocket(log);
    await startReference(host, log);
    return {
      lines: () => socket.lines(),
      // It ends with the namespace.
      [Symbol.asyncDispose]: () => Promise.resolve(socket[Symbol.dispose]()),
    };
  },
};

/** What a program made of innocent traffic. */
export interface Verdict {
  watcher: string;
  /** What it reported although nobody scanned. */
  alarms: string[];
  /** What it reported when the peer scanned in the end. */
  scans: string[];
}

/** What became of innocent traffic. */
export interface Outcome {
  /** What happened, told by those who took part. */
  figures: Figures;
  /** What the host's kernel counted meanwhile. */
  traffic: Traffic;
  verdicts: Verdict[];
}

/** The longest time between a packet and its consequence, and some more. */
const SETTLE_MS = 5_000;
/** A scan is told at once, or after unanswered packets were waited for. */
const SCAN_MS = 4_000;

/** So many at a time: most of their time is waiting. */
const SIDE_BY_SIDE = 6;

/**
 * Tries out many, some of them at a time.
 *
 * @returns What becomes of each, in their order.
 */
export function tryAll(
  innocents: readonly Innocent[],
  watchers: readonly Watcher[],
): Promise<Outcome>[] {
  const waiting = innocents.map((innocent) => ({
    innocent,
    outcome: Promise.withResolvers<Outcome>(),
  }));
  const outcomes = waiting.map(({ outcome: { promise } }) => {
    promise.catch(() => {}); // Whoever wants it looks at it later on.
    return promise;
  });
  const work = async () => {
    for (let next; (next = waiting.shift()) !== undefined;) {
      const { innocent, outcome } = next;
      await tryOut(innocent, watchers).then(outcome.resolve, outcome.reject);
    }
  };
  for (let i = 0; i < SIDE_BY_SIDE; i++) work();
  return outcomes;
}

/** Lets innocent traffic happen while programs watch, and then a scan. */
export async function tryOut(
  innocent: Innocent,
  watchers: readonly Watcher[],
): Promise<Outcome> {
  await using site = await Site.create();
  await innocent.prepare?.(site);
  await using started = new AsyncDisposableStack();
  const watches: Watch[] = [];
  for (const watcher of watchers) {
    watches.push(started.use(await watcher.start(site)));
  }
  const before = await trafficOf(site.host);
  const figures = await innocent.run(site);
  await pause(SETTLE_MS);
  const traffic = difference(before, await trafficOf(site.host));
  const alarms = watches.map((watch) => [...watch.lines()]);
  await site.scan();
  await pause(SCAN_MS);
  const verdicts = watches.map((watch, i): Verdict => ({
    watcher: watchers[i].name,
    alarms: alarms[i],
    scans: watch.lines().slice(alarms[i].length),
  }));
  return { figures, traffic, verdicts };
}
