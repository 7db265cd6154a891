/**
 * Signals in each millisecond of the start, from the first import of main.ts on:
 * none ends the program but those that are meant to, and none opens a debugger.
 */

import { assert, assertEquals } from "../assert.ts";
import { launch, startDaemon } from "./daemon.ts";
import { Namespace } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "ss"] };
const SIGNALS = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTERM"] as const;
const STARTS = 200;
/** So many at a time: more would only wait for each other. */
const HOSTS = 4;
// bits/signum-arch.h, as bits of the masks in /proc/PID/status.
const USR1_BIT = 1n << 9n;
const TERM_BIT = 1n << 14n;

/** Whether main.ts has begun: until then, signals are the runtime's. */
function hasBegun(pid: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const mask = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s(\\w+)`, "m").exec(status)?.[1]}`);
  return (mask("SigCgt") & TERM_BIT) !== 0n &&
    (mask("SigIgn") & USR1_BIT) !== 0n;
}

/** What is left of a delay is waited for without a timer, to the millisecond. */
const SPUN_MS = 50;

function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

async function trySignal(host: Namespace, delay: number): Promise<void> {
  const signal = SIGNALS[delay % SIGNALS.length];
  // Without privileges given up, nothing else would keep the debugger away.
  const isOpen = delay % 8 < SIGNALS.length;
  const what = `${signal} after ${delay} ms`;
  await using daemon = launch(host, [
    ...["-o", "stdout", "-i", "lo"],
    ...(isOpen ? ["--no-drop"] : []),
  ]);
  await eventually(() => hasBegun(daemon.pid), () => "its beginning");
  await pause(delay - delay % SPUN_MS);
  spin(delay % SPUN_MS);
  daemon.signal(signal);
  if (signal !== "SIGTERM") {
    await daemon.told("scanlogd: watching: ");
    assertEquals(await host.run(["ss", "-Hltn"]), "", what);
    daemon.signal("SIGTERM");
  }
  assertEquals(await daemon.end(), 0, `${what}\n${daemon.stderr.join("\n")}`);
  assertOnlyOurs(daemon, what);
}

function assertOnlyOurs({ stdout, stderr }: Process, what: string): void {
  assertEquals(stdout, [], what);
  for (const line of stderr) assert(line.startsWith("scanlogd: "), line);
}

liveTest(
  `${STARTS} starts, with a signal in each millisecond`,
  NEEDS,
  async () => {
    let next = 0;
    await Promise.all(Array.from({ length: HOSTS }, async () => {
      await using host = await Namespace.create();
      while (next < STARTS) await trySignal(host, next++);
    }));
  },
);

const BLOCKED = [
  "import os, signal, sys",
  "signal.pthread_sigmask(signal.SIG_BLOCK, [1, 2, 12, 15])",
  "os.execvp(sys.argv[1], sys.argv[1:])",
].join("\n");

liveTest("whoever starts it has blocked them: it heeds its own", {
  ...NEEDS,
  tools: [...NEEDS.tools, "python3"],
}, async () => {
  await using host = await Namespace.create();
  await using daemon = await startDaemon(host, ["-o", "stdout", "-i", "lo"], {
    as: ["python3", "-c", BLOCKED],
  });
  daemon.signal("SIGUSR2");
  await daemon.told("packets seen");
  assertEquals(await daemon.stop(), 0);
});
