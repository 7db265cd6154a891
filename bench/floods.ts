/**
 * Floods as fast as they can be sent: how many packets are lost, how much
 * processor time each takes, and how memory grows.
 *
 * @module
 */

import type { Benchmark } from "./benchmark.ts";
import { REFERENCE } from "./contenders.ts";
import type { Figures } from "./figures.ts";
import { type Lab, pause, type TwoHosts } from "./lab.ts";
import { endOf, type Flood, startFlood } from "./load.ts";
import { kernelCounts, processorTime, residentMemory } from "./usage.ts";
import {
  type LiveContender,
  ours,
  present,
  reference,
  tcpdump,
  type Watcher,
  watching,
} from "./watchers.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "timeout", "trafgen"] };
const OURS = ours();
const DROPPED = "dropped by the kernel";
const TIME = "processor time per packet";
const GROWTH = "memory growth";
/** Longer than the kernel keeps packets back. */
const DRAIN_MS = 300;
/** Growth counts from here on: tables are in use, code is compiled. */
const WARM_UP_MS = 1000;

/** From one source: what a fast scan does. */
export const synFlood: Benchmark = {
  name: "syn-flood",
  title: "SYN flood from one source, as fast as trafgen sends it",
  needs: NEEDS,
  bars: [
    {
      case: "",
      what: DROPPED,
      contender: OURS.name,
      atMost: 0,
      inEveryRound: true,
    },
    {
      case: "",
      what: TIME,
      contender: OURS.name,
      compared: { to: REFERENCE, by: "ratio" },
      atMost: 0.5,
    },
    { case: "", what: TIME, contender: OURS.name, atMost: 200 },
  ],

  async run(figures, { rounds, floodSeconds }, lab) {
    const contenders = present([OURS, ours(["--classic"]), reference, tcpdump]);
    const flood: Flood = { seconds: floodSeconds };
    await inTurns(figures, rounds, contenders, flood, lab);
  },
};

/** Every packet from another source: what fills tables. */
export const randomSources: Benchmark = {
  name: "random-sources",
  title: "flood from random sources, as fast as trafgen sends it",
  needs: NEEDS,
  bars: [
    {
      case: "",
      what: DROPPED,
      contender: OURS.name,
      atMost: 0,
      inEveryRound: true,
    },
    { case: "", what: TIME, contender: OURS.name, atMost: 450 },
    {
      case: "",
      what: GROWTH,
      contender: OURS.name,
      atMost: 3,
      inEveryRound: true,
    },
  ],

  async run(figures, { randomPackets }, lab) {
    const flood: Flood = { sources: "random", packets: randomPackets };
    // One long flood says more about memory than several short ones.
    await inTurns(figures, 1, present([OURS, reference, tcpdump]), flood, lab);
  },
};

async function inTurns(
  figures: Figures,
  rounds: number,
  contenders: readonly LiveContender[],
  flood: Flood,
  lab: Lab,
): Promise<void> {
  await using two = await lab.hosts();
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      await watching(
        contender,
        two.host,
        lab,
        (watcher) => turn(figures, contender.name, watcher, two, flood),
      );
    }
  }
}

/** Floods a watched host once. */
async function turn(
  figures: Figures,
  contender: string,
  watcher: Watcher,
  two: TwoHosts,
  flood: Flood,
): Promise<void> {
  const { pid } = watcher;
  const add = (what: string, unit: string, value: number) =>
    figures.add({ case: "", contender, what, unit, value });
  const before = await kernelCounts(two.host);
  const cpu = processorTime(pid);
  const start = performance.now();
  const trafgen = await startFlood(two, flood);
  const memory = pause(WARM_UP_MS).then(() => residentMemory(pid));
  await endOf(trafgen, flood);
  const seconds = (performance.now() - start) / 1000;
  await pause(DRAIN_MS);
  const used = processorTime(pid) - cpu;
  const grown = residentMemory(pid) - await memory;
  const { received } = await kernelCounts(two.host);
  const sent = received - before.received;
  const { seen, dropped } = await watcher.stop();

  add("packets sent", "", sent);
  add("packets a second", "", sent / seconds);
  add("packets seen", "", seen);
  add(DROPPED, "", dropped);
  // What was dropped cost nothing, or not its owner.
  add(TIME, "ns", used / Math.max(1, sent - dropped) * 1e9);
  add(GROWTH, "MB", grown);
}
