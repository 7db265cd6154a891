/**
 * The program with a mistake in it, put there by an import map: its sandbox must
 * notice, and refuse to go on.
 */

import manifest from "../../deno.json" with { type: "json" };
import { allowedCalls } from "../../daemon/syscalls.ts";
import { CALLS } from "../../daemon/syscall_numbers.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { Folder, program } from "./daemon.ts";
import { machine } from "./machine.ts";
import { makeInterfaces, Namespace } from "./namespaces.ts";
import { Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { root: true, tools: ["ip", "unshare"] };
const ROOT = new URL("../../", import.meta.url);

/** A module of the program, and what stands in for it. */
type Replacement = readonly [module: string, by: string];

/** Starts the program with a module replaced; returns what it says of itself. */
async function startBroken(
  [module, by]: Replacement,
  { args = [], env = {}, interfaces = 0, until }: {
    args?: readonly string[];
    env?: Record<string, string>;
    interfaces?: number;
    /** It is stopped once it says this. */
    until?: string;
  } = {},
): Promise<{ code: number; stderr: string[] }> {
  await using folder = await Folder.create();
  const map = `${folder.path}/map.json`;
  const replaced = { [new URL(module, ROOT).href]: new URL(by, ROOT).href };
  await Deno.writeTextFile(
    map,
    JSON.stringify({
      imports: manifest.imports,
      // Not for the stand-in, which uses the real one.
      scopes: {
        [new URL("daemon/", ROOT).href]: replaced,
        [new URL("main.ts", ROOT).href]: replaced,
      },
    }),
  );
  await using host = await Namespace.create();
  const names = await makeInterfaces(host, interfaces);
  const [deno, run, ...rest] = program([
    ...["-o", "stdout", ...args],
    ...["lo", ...names].flatMap((name) => ["-i", name]),
  ]);
  await using daemon = new Process(
    host.inside([...machine(), deno, run, `--import-map=${map}`, ...rest]),
    { env },
  );
  if (until !== undefined) await daemon.told(until);
  const code = until === undefined ? await daemon.end() : await daemon.stop();
  return { code, stderr: [...daemon.stderr] };
}

/** Exactly one line, and status 1. */
function assertRefused(
  { code, stderr }: { code: number; stderr: string[] },
  expected: RegExp,
): void {
  assertEquals(stderr.length, 1, stderr.join("\n"));
  assertMatch(stderr[0], expected);
  assertEquals(code, 1);
}

liveTest("an assembler whose jumps wrap is noticed", NEEDS, async () => {
  const outcome = await startBroken(
    ["ffi/bpf.ts", "tests/live/broken/wrapping_bpf.ts"],
    { args: ["-c", "pcap", "-p"], interfaces: 70 },
  );
  assertRefused(
    outcome,
    /^scanlogd: the system call filter (lets through|refuses) .*: refusing to go on/,
  );
});

/** What is said if the filter lets a call through. */
const RULES: Record<string, string> = {
  write: "to write to the network",
  writev: "to write to the network",
  sendto: "to send to the network",
  connect: "to connect a capture",
  dup: "to copy a capture descriptor",
  close: "to close what a number stands for",
  dup2: "to put a file in another's place",
  dup3: "to put a file in another's place",
  mmap: "to execute a file's memory",
  socket: "a TCP socket",
  bind: "to bind a socket",
  fchdir: "to change to a directory",
  ftruncate: "to cut a file",
  setsockopt: "to set a capture's filter",
  clone: "a process of its own",
  tgkill: "to signal a process",
  fcntl: "to write over a file",
  ioctl: "to set a descriptor's owner",
  prctl: "prctl",
  prlimit64: "a limit",
};
/** Calls that no rule lets through. */
const UNLISTED: Record<string, string> = {
  openat: "to open /",
  execve: "to execute a file",
  unshare: "a namespace",
};

Deno.test("each rule of the filter that has a condition is taken away", () => {
  const none = { capture: [], connected: [], rebound: [], joining: [] };
  const conditional = allowedCalls({
    ...none,
    ...{ directories: [], rewritten: [], streams: false, pid: 0 },
  }).filter(({ when }) => when !== undefined);
  const names = Object.entries(CALLS).flatMap(([name, { x86_64 }]) =>
    conditional.some((call) => call.x86_64 === x86_64) ? [name] : []
  );
  assertEquals(Object.keys(RULES).sort(), names.sort());
});

for (const [call, what] of Object.entries({ ...RULES, ...UNLISTED })) {
  // arm64 has no dup2.
  if (!(Deno.build.arch in CALLS[call as keyof typeof CALLS])) continue;
  liveTest(
    `a filter that lacks the rule for ${call} is noticed`,
    NEEDS,
    async () => {
      const outcome = await startBroken(
        ["daemon/syscalls.ts", "tests/live/broken/lax_syscalls.ts"],
        { env: { LAX_CALL: call } },
      );
      assertRefused(
        outcome,
        new RegExp(
          `^scanlogd: the system call filter lets through ${what}: refusing to go on`,
        ),
      );
    },
  );
}

liveTest(
  "a descriptor that is left open for writing is noticed",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/leaked`;
    const outcome = await startBroken(
      ["daemon/privileges.ts", "tests/live/broken/leaking_privileges.ts"],
      { env: { LEAKED_FILE: path } },
    );
    assertRefused(
      outcome,
      new RegExp(
        `^scanlogd: descriptor \\d+ \\(${path}\\) is open and none of ours: refusing to go on`,
      ),
    );
  },
);

liveTest(
  "a cache that another runtime cuts meanwhile ends nothing",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const info = JSON.parse(await run([Deno.execPath(), "info", "--json"]));
    await run(["cp", "-a", info.denoDir, `${folder.path}/cache`]);
    const { code } = await startBroken(
      ["ffi/descriptor_flags.ts", "tests/live/broken/cutting_flags.ts"],
      {
        env: {
          DENO_DIR: `${folder.path}/cache`,
          CUT_FILE: `${folder.path}/cache/dep_analysis_cache_v2-shm`,
        },
        until: "scanlogd: watching: ",
      },
    );
    assertEquals(code, 0);
  },
);
