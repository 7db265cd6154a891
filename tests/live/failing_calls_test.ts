/**
 * Starts in which one system call after the other fails once: each ends with one
 * line and leaves nothing behind, or is confined as any other.
 */

import { assert, assertEquals } from "../assert.ts";
import { Folder, launch } from "./daemon.ts";
import { Namespace } from "./namespaces.ts";
import { run } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "strace", "prlimit"] };
const NOTHING = "0".repeat(16);
/** What is started, so that there is something to leave behind. */
const FILES = ["control", "counters", "lines", "pid"];
const DESCRIPTORS = 64;
/** Said of what there can also be done without. */
const WARNING = "no port memory in the kernel";

/** Calls, how many of them a start makes at most, and as what they fail. */
const CALLS: readonly [call: string, count: number, error: string][] = [
  ["bind", 4, "EACCES"],
  ["capset", 1, "EPERM"],
  ["chdir", 2, "EACCES"],
  ["flock", 3, "ENOLCK"],
  ["prctl", 2, "EPERM"],
  ["setresuid", 1, "EAGAIN"],
  ["setsockopt", 8, "ENOMEM"],
  ["socket", 6, "EMFILE"],
];

/** Starts once; returns whether it watches, after looking at what it is then. */
async function start(as: readonly string[], what: string): Promise<boolean> {
  await using folder = await Folder.create();
  const path = (name: string) => `${folder.path}/${name}`;
  await using host = await Namespace.create();
  await using daemon = launch(host, [
    ...["-i", "lo", "-o", `file:${path("lines")}`],
    ...["--control", path("control"), "--pid-file", path("pid")],
    ...["--metrics", path("counters")],
  ], { as });
  const isWatching = await daemon.told("scanlogd: watching: ").then(
    () => true,
    () => false,
  );
  const names = () =>
    [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  if (isWatching) {
    const pid = (await Deno.readTextFile(path("pid"))).trim();
    assertConfined(Number(pid), what);
    assertEquals(names(), FILES, what);
    await run(["kill", pid]);
    assertEquals(await daemon.end(), 0, what);
  } else {
    assertEquals(await daemon.end(), 1, what);
    const lines = daemon.stderr.filter((line) => !line.includes(WARNING));
    assertEquals(lines.length, 1, daemon.stderr.join("\n"));
    assertEquals(names(), [], `${what}: ${lines[0]}`);
  }
  return isWatching;
}

function assertConfined(pid: number, what: string): void {
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
    const sets = [...text.matchAll(/^Cap\w+:\t(\w+)$/gm)];
    assertEquals(sets.map(([, set]) => set), Array(5).fill(NOTHING), what);
    assert(/^Seccomp:\t2$/m.test(text), what);
  }
}

for (const [call, count, error] of CALLS) {
  liveTest(`${call} fails once: nothing is left`, NEEDS, async () => {
    for (let at = 1; at <= count; at++) {
      const what = `${call}:error=${error}:when=${at}`;
      await start([
        ...["strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf"],
        ...["-e", `trace=${call}`, "-e", `inject=${what}`],
      ], what);
    }
  });
}

liveTest(
  "too few open files: confined, or nothing is left",
  NEEDS,
  async () => {
    const outcomes: boolean[] = [];
    for (let inherited = 16; inherited < 34; inherited++) {
      const shell = `i=0; while [ $i -lt ${inherited} ]; do` +
        ' eval "exec $((i + 10))</dev/null"; i=$((i + 1)); done;' +
        ` exec prlimit --nofile=${DESCRIPTORS} "$@"`;
      const what = `${inherited} open files`;
      outcomes.push(await start(["bash", "-c", shell, "bash"], what));
    }
    assert(outcomes[0], "enough for a start");
    assert(!outcomes.at(-1), "too few for one");
  },
);
