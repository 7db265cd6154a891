/** Whose authority the running program has, as the kernel tells it. */

import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Folder, program, startDaemon } from "./daemon.ts";
import { machine, USER } from "./machine.ts";
import { Namespace, TwoHosts } from "./namespaces.ts";
import { assertUndumpable, eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "setpriv", "nmap"] };
const NOBODY = "65534";

/** The fields of /proc/PID/task/TID/status, for each thread. */
function threads(pid: number): Map<string, string>[] {
  const folder = `/proc/${pid}/task`;
  return [...Deno.readDirSync(folder)].map(({ name }) =>
    new Map(
      Deno.readTextFileSync(`${folder}/${name}/status`).split("\n").map(
        (line) => {
          const [field, value = ""] = line.split(":");
          return [field, value.trim()];
        },
      ),
    )
  );
}

const NO_CAPABILITIES = "0".repeat(16);

/** No thread has any, nor can get one back. */
function assertIncapable(pid: number): void {
  for (const thread of threads(pid)) {
    for (const set of ["CapEff", "CapPrm", "CapInh", "CapAmb"]) {
      const what = `${set} of ${thread.get("Name")}`;
      assertEquals(thread.get(set), NO_CAPABILITIES, what);
    }
  }
}

function assertPowerless(pid: number, uid: number, gid: number): void {
  const all = threads(pid);
  // The main thread, V8's and the runtime's.
  assert(all.length > 2, `only ${all.length} threads`);
  assertIncapable(pid);
  for (const thread of all) {
    const name = thread.get("Name");
    assertEquals(thread.get("Uid"), Array(4).fill(uid).join("\t"), name);
    assertEquals(thread.get("Gid"), Array(4).fill(gid).join("\t"), name);
    assertEquals(thread.get("Groups"), "", name);
    assertEquals(thread.get("CapBnd"), NO_CAPABILITIES, `CapBnd of ${name}`);
  }
}

/** The system call filter cannot be left behind, by no thread and no program. */
function assertConfined(pid: number): void {
  for (const thread of threads(pid)) {
    const name = thread.get("Name");
    assertEquals(thread.get("NoNewPrivs"), "1", name);
    assertEquals(thread.get("Seccomp"), "2", name);
  }
}

function rootOf(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/root/`)].map(({ name }) => name);
}

liveTest(
  "started by root, every thread ends up as the user",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, ["-o", "stdout"], {
      as: ["setpriv", "--groups", "4,27"],
    });
    const { id } = USER;
    assertPowerless(daemon.pid, id, id);
    assertEquals(rootOf(daemon.pid), []);
    await two.scan();
    await eventually(() => daemon.stdout.length > 0, () => "a line");
    // Threads that were started since.
    assertPowerless(daemon.pid, id, id);
    assertConfined(daemon.pid);
    assertEquals(await daemon.stop(), 0);
  },
);

liveTest(
  "capabilities that a change of user would leave are given up",
  NEEDS,
  async () => {
    await using host = await Namespace.create();
    await using daemon = await startDaemon(host, ["-o", "stdout"], {
      as: ["setpriv", "--inh-caps", "+net_raw"],
    });
    assertPowerless(daemon.pid, USER.id, USER.id);
    assertEquals(await daemon.stop(), 0);
  },
);

liveTest(
  "reading a capture file as root drops privileges too",
  NEEDS,
  async () => {
    await using host = await Namespace.create();
    await using reader = new Process(
      host.inside([...machine(), ...program(["--read", "-"])]),
      { input: "never" },
    );
    await eventually(
      () => threads(reader.pid)[0].get("Uid")?.startsWith(`${USER.id}\t`),
      () => "the change of user",
    );
    assertPowerless(reader.pid, USER.id, USER.id);
    assertEquals(rootOf(reader.pid), []);
    await eventually(
      () => threads(reader.pid)[0].get("Seccomp") === "2",
      () => "the system call filter",
    );
    assertConfined(reader.pid);
    // And a signal ends it although nothing ever arrives.
    assertEquals(await reader.stop(), 0);
  },
);

liveTest("--no-drop keeps everything, and says so", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, [
    "--no-drop",
    "-o",
    "stdout",
  ]);
  assertMatch(daemon.stderr[0], /^scanlogd: --no-drop: /);
  assertEquals(threads(daemon.pid)[0].get("Uid"), "0\t0\t0\t0");
});

/** Another user's view of what may stand in directories closed to him. */
async function accessible(folder: string) {
  const info = await run([Deno.execPath(), "info", "--json"]);
  const places = {
    checkout: new URL("../../", import.meta.url).pathname,
    cache: JSON.parse(info).denoDir as string,
  };
  const deno = `${folder}/deno`;
  await Deno.writeTextFile(deno, "");
  for (const name of Object.keys(places)) await Deno.mkdir(`${folder}/${name}`);
  return {
    setUp: [
      `mount --bind ${Deno.execPath()} ${deno}`,
      ...Object.entries(places).map(([name, path]) =>
        `mount --bind ${path} ${folder}/${name}`
      ),
    ].join("\n"),
    env: { DENO_DIR: `${folder}/cache`, HOME: "/" },
    command: (args: string[]) =>
      program(args, { deno, checkout: `${folder}/checkout/` }),
  };
}

const AS_NOBODY = [
  ...["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"],
];
const WITH_NET_RAW = ["--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"];

liveTest(
  "not root, but with the capability: it works and says what it leaves out",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const { setUp, env, command } = await accessible(folder.path);
    await using two = await TwoHosts.create();
    await using daemon = new Process(
      two.host.inside([
        ...machine({ setUp }),
        ...[...AS_NOBODY, ...WITH_NET_RAW],
        ...command(["-o", "stdout"]),
      ]),
      { env },
    );
    await daemon.told("scanlogd: watching: ");
    const [memory, root] = daemon.stderr;
    assert(memory.startsWith("scanlogd: no port memory in the kernel ("));
    assertEquals(
      root,
      "scanlogd: not started as root: no chroot and no change of user",
    );
    assertConfined(daemon.pid);
    assertIncapable(daemon.pid);
    assertUndumpable(daemon.pid);
    await two.scan();
    await eventually(() => daemon.stdout.length > 0, () => "a line");
    assertIncapable(daemon.pid);
    assertEquals(await daemon.stop(), 0);
  },
);

liveTest(
  "neither root nor capable: it names the capability",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const { setUp, env, command } = await accessible(folder.path);
    await using host = await Namespace.create();
    await using daemon = new Process(
      host.inside([
        ...machine({ setUp }),
        ...AS_NOBODY,
        ...command(["-o", "stdout"]),
      ]),
      { env },
    );
    assertEquals(await daemon.end(), 1);
    assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
    assertMatch(
      daemon.stderr[0],
      /^scanlogd: .*CAP_NET_RAW is missing; run as root$/,
    );
  },
);
