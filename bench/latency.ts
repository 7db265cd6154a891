/**
 * From the packet that completes a scan until its line is in syslog's socket.
 *
 * @module
 */

import type { Benchmark } from "./benchmark.ts";
import { type Figures, quantile } from "./figures.ts";
import { HOST, type Lab, pause, type TwoHosts } from "./lab.ts";
import { endOf, type Flood, startFlood } from "./load.ts";
import { type LiveContender, ours, present, reference } from "./watchers.ts";

const OURS = ours(["--log-burst", "0"], "scanlogd");
/** Packets a second while scans are waited for. */
const CASES = { "idle": 0, "100,000 packets/s": 100_000 } as const;
const MEDIAN = "median";
const HIGH = "99th percentile";
const MISSING = "lines missing";

/** What the reference logs in a row is five, and the load is one of them. */
const REFERENCE_SCANS = 4;
/** A scan each 30 ms on average, and what its sender needs. */
const SECONDS_PER_SCAN = 0.035;
/** Until programs have started and the load is there. */
const WARM_UP_MS = 700;
/** Later lines count as missing. */
const SETTLE_MS = 500;

/** The latency benchmark. */
export const latency: Benchmark = {
  name: "latency",
  title: "from the completing packet to the line in syslog's socket",
  needs: {
    root: true,
    tools: ["ip", "unshare", "trafgen", "timeout", "python3"],
  },
  bars: Object.keys(CASES).flatMap((name) => [
    { case: name, what: MEDIAN, contender: OURS.name, atMost: 15 },
    { case: name, what: HIGH, contender: OURS.name, atMost: 50 },
  ]),

  async run(figures, { rounds, latencyScans }, lab) {
    await using two = await lab.hosts();
    for (let round = 0; round < rounds; round++) {
      for (const [name, rate] of Object.entries(CASES)) {
        for (const contender of present([OURS, reference])) {
          const batches = contender === OURS
            ? [latencyScans]
            : Array<number>(Math.ceil(latencyScans / 60)).fill(REFERENCE_SCANS);
          const delays: (number | undefined)[] = [];
          for (const scans of batches) {
            delays.push(...await batch(contender, two, scans, rate, lab));
          }
          addFigures(figures, name, contender.name, delays);
        }
      }
    }
  },
};

function addFigures(
  figures: Figures,
  name: string,
  contender: string,
  delays: readonly (number | undefined)[],
): void {
  const found = delays.filter((delay) => delay !== undefined);
  const add = (what: string, unit: string, value: number) =>
    figures.add({ case: name, contender, what, unit, value });
  add(MISSING, "", delays.length - found.length);
  if (found.length === 0) return;
  add(MEDIAN, "ms", quantile(found, 0.5));
  add(HIGH, "ms", quantile(found, 0.99));
}

const script = (name: string) => new URL(name, import.meta.url).pathname;

/** Scans a watched host; returns each line's delay, undefined if it is missing. */
async function batch(
  contender: LiveContender,
  two: TwoHosts,
  scans: number,
  rate: number,
  lab: Lab,
): Promise<(number | undefined)[]> {
  const log = lab.newPath("log");
  await using receiver = two.host.start([
    ...["python3", script("latency_receive.py"), log],
  ]);
  await receiver.told("ready");
  await using watcher = await contender.start(two.host, log);
  await using load = await startLoad(two, scans, rate);
  await pause(WARM_UP_MS);
  const first = Math.floor(Math.random() * (0xffff - scans));
  const told = await two.scanner.run([
    ...["python3", script("latency_send.py"), HOST, `${scans}`, `${first}`],
  ]);
  await load.end();
  await pause(SETTLE_MS);
  await watcher.stop();
  return delaysOf(told.split("\n"), receiver.stdout);
}

/** Load for as long as the scans take. */
async function startLoad(
  two: TwoHosts,
  scans: number,
  rate: number,
): Promise<AsyncDisposable & { end(): Promise<void> }> {
  if (rate === 0) {
    return {
      end: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const flood: Flood = {
    seconds: WARM_UP_MS / 1000 + scans * SECONDS_PER_SCAN + 1,
    rate,
  };
  const trafgen = await startFlood(two, flood);
  return {
    end: () => endOf(trafgen, flood),
    [Symbol.asyncDispose]: () => trafgen[Symbol.asyncDispose](),
  };
}

/** In milliseconds, of each scan that was sent. */
function delaysOf(
  sent: readonly string[],
  received: readonly string[],
): (number | undefined)[] {
  const arrivals = new Map<string, bigint>();
  for (const line of received) {
    const [, time, source] = ARRIVAL.exec(line) ?? [];
    if (source !== undefined) arrivals.set(source, BigInt(time));
  }
  return sent.map((line) => {
    const [source, time] = line.split(" ");
    const arrival = arrivals.get(source);
    if (arrival === undefined) return undefined;
    return Number(arrival - BigInt(time)) / 1e6;
  });
}

/** `<time> <25>Nov 22 06:40:13 scanlogd: 10.78.0.1:4000 to ...` */
const ARRIVAL = /^(\d+) .*?scanlogd: (10\.78\.\d+\.\d+)[: ]/;
