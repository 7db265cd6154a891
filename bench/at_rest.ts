/**
 * What it takes to start, to be there and to do nothing, beside an empty
 * script of the same runtime.
 *
 * @module
 */

import type { Amounts, Benchmark } from "./benchmark.ts";
import type { Figures } from "./figures.ts";
import {
  type Lab,
  machine,
  type Namespace,
  pause,
  Process,
  program,
  SyslogSocket,
  type TwoHosts,
} from "./lab.ts";
import { endOf, startFlood } from "./load.ts";
import { processorTime, residentMemory } from "./usage.ts";
import {
  type LiveContender,
  ours,
  present,
  reference,
  tcpdump,
  watching,
} from "./watchers.ts";

const OURS = ours();
const NEEDS = { root: true, tools: ["ip", "unshare"] };
const EMPTY = "empty script";
const IDLE = "share of a core";
const MEMORY = "resident memory";
const READY = "time until ready";

/** By then the program has given back what only starting or a flood needed. */
const SETTLED_MS = 12_000;

/** A script that does nothing but say that it runs, and stay. */
const SCRIPT = `console.error("ready"); setInterval(() => {}, 1e9);`;

/** The empty script's command, with the program's own flags. */
async function emptyScript(lab: Lab): Promise<string[]> {
  const path = lab.newPath("empty.ts");
  await Deno.writeTextFile(path, SCRIPT);
  return program([]).map((word) => word.endsWith("/main.ts") ? path : word);
}

/** An empty script, as somebody who watches. */
function emptyContender(command: readonly string[]): LiveContender {
  return {
    name: EMPTY,
    async start(host, log) {
      const script = new Process(
        host.inside([...machine({ log }), ...command]),
      );
      await script.told("ready");
      return {
        pid: script.pid,
        stop: () => Promise.resolve({ seen: 0, dropped: 0 }),
        [Symbol.asyncDispose]: () => script[Symbol.asyncDispose](),
      };
    },
  };
}

/** Processor time without any packet. */
export const idle: Benchmark = {
  name: "idle",
  title: "watching while nothing happens",
  needs: NEEDS,
  bars: [{ case: "", what: IDLE, contender: OURS.name, atMost: 0.2 }],

  async run(figures, { rounds, idleSeconds }, lab) {
    await using two = await lab.hosts();
    for (let round = 0; round < rounds; round++) {
      for (const contender of present([OURS, reference, tcpdump])) {
        await watching(contender, two.host, lab, async ({ pid }) => {
          const cpu = processorTime(pid);
          await pause(idleSeconds * 1000);
          const used = processorTime(pid) - cpu;
          figures.add({
            ...{ case: "", contender: contender.name, what: IDLE, unit: "%" },
            value: used / idleSeconds * 100,
          });
        });
      }
    }
  },
};

/** Memory once started, and after a flood has touched all tables. */
export const memory: Benchmark = {
  name: "memory",
  title: "resident memory",
  needs: { ...NEEDS, tools: [...NEEDS.tools, "trafgen", "timeout"] },
  bars: ([["at rest", 34], ["after a flood", 48]] as const).map((
    [name, atMost],
  ) => ({
    case: name,
    what: MEMORY,
    contender: OURS.name,
    compared: { to: EMPTY, by: "difference" as const },
    atMost,
  })),

  async run(figures, { rounds, randomPackets }, lab) {
    const empty = emptyContender(await emptyScript(lab));
    // A tenth of the other flood's packets fills the tables several times.
    const packets = randomPackets / 10;
    await using two = await lab.hosts();
    for (let round = 0; round < rounds; round++) {
      for (const contender of [empty, ...present([OURS, reference, tcpdump])]) {
        await watching(
          contender,
          two.host,
          lab,
          ({ pid }) => memoryTurn(figures, contender.name, pid, two, packets),
        );
      }
    }
  },
};

async function memoryTurn(
  figures: Figures,
  contender: string,
  pid: number,
  two: TwoHosts,
  packets: number,
): Promise<void> {
  const add = (name: string) =>
    figures.add({
      ...{ case: name, contender, what: MEMORY, unit: "MB" },
      value: residentMemory(pid),
    });
  await pause(SETTLED_MS);
  add("at rest");
  const flood = { sources: "random" as const, packets };
  await endOf(await startFlood(two, flood), flood);
  await pause(SETTLED_MS);
  add("after a flood");
}

/** From the start of the process until packets are captured. */
export const startUp: Benchmark = {
  name: "start-up",
  title: "from the start until the capture is open",
  needs: NEEDS,
  bars: [{
    case: "",
    what: READY,
    contender: OURS.name,
    compared: { to: EMPTY, by: "difference" },
    atMost: 100,
  }],

  async run(figures, amounts: Amounts, lab) {
    const log = lab.newPath("log");
    using _syslog = new SyslogSocket(log);
    await using two = await lab.hosts();
    const empty = await emptyScript(lab);
    const starters: [string, string[], string][] = [
      [EMPTY, [...machine({ log }), ...empty], "ready"],
      [
        OURS.name,
        [...machine({ log }), ...program(["-o", "syslog"])],
        "scanlogd: watching: ",
      ],
    ];
    for (let start = 0; start < amounts.starts * amounts.rounds; start++) {
      for (const [contender, command, sign] of starters) {
        figures.add({
          ...{ case: "", contender, what: READY, unit: "ms" },
          value: await timeUntil(two.host, command, sign),
        });
      }
    }
  },
};

/** Starts a process, and ends it once it says something; in milliseconds. */
async function timeUntil(
  host: Namespace,
  command: readonly string[],
  sign: string,
): Promise<number> {
  const [file, ...args] = host.inside(command);
  const start = performance.now();
  const child = new Deno.Command(file, {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    let said = "";
    for await (
      const text of child.stderr.pipeThrough(new TextDecoderStream())
    ) {
      said += text;
      if (said.includes(sign)) return performance.now() - start;
    }
    throw new Error(`${command.join(" ")} ended: ${said}`);
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
  }
}
