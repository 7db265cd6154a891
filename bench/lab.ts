/**
 * Where things are measured: the live tests' hosts and processes, and the
 * tidying up after a run, whichever way it ends.
 *
 * @module
 */

import { SCANNER, setUp, TwoHosts } from "../tests/live/namespaces.ts";
import { run } from "../tests/live/processes.ts";
import { findProgram } from "./programs.ts";

export {
  HOST,
  type Namespace,
  SCANNER,
  type TwoHosts,
} from "../tests/live/namespaces.ts";
export { machine } from "../tests/live/machine.ts";
export { program, startDaemon, startReference } from "../tests/live/daemon.ts";
export { hardwareAddress } from "../tests/live/inject.ts";
export { eventually, pause, Process, run } from "../tests/live/processes.ts";
export { SyslogSocket } from "../tests/live/syslog_socket.ts";

/** Folder, hosts and processes of a run. Disposing of it ends all of them. */
export class Lab implements AsyncDisposable {
  /** A folder for files and sockets, which every user can enter. */
  readonly folder: string;
  readonly #groups = new Set<number>();
  readonly #beingMade = new Set<Promise<TwoHosts>>();
  /** Whether it has been disposed of. */
  isClosed = false;
  #paths = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes one. */
  static async create(): Promise<Lab> {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-bench-" });
    await Deno.chmod(folder, 0o755);
    return new Lab(folder);
  }

  /** A path in the folder that nothing has used yet. */
  newPath(name: string): string {
    return `${this.folder}/${name}-${++this.#paths}`;
  }

  /** Makes two hosts; whatever claims to be anybody may send to the second. */
  async hosts(): Promise<TwoHosts> {
    if (this.isClosed) throw new Error("The run has ended");
    const hosts = makeHosts();
    this.#beingMade.add(hosts);
    try {
      return await hosts;
    } finally {
      this.#beingMade.delete(hosts);
    }
  }

  /** Runs a process and what it starts to the end, as a group of its own. */
  async output(command: readonly string[]): Promise<Deno.CommandOutput> {
    if (this.isClosed) throw new Error("The run has ended");
    const child = new Deno.Command("setsid", {
      args: ["--wait", ...command],
      env: { DENO_NO_UPDATE_CHECK: "1", LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#groups.add(child.pid);
    try {
      return await child.output();
    } finally {
      this.#groups.delete(child.pid);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    for (const group of this.#groups) {
      kill(-group);
    }
    await Promise.allSettled(this.#beingMade);
    await removeHosts();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function makeHosts(): Promise<TwoHosts> {
  const two = await TwoHosts.create();
  return await setUp(two, async ({ host }) => {
    for (const name of ["all", "eth0"]) {
      await host.set(`net.ipv4.conf.${name}.rp_filter=0`);
    }
    // Answers to addresses that nobody has go where the packets came from.
    await host.run(["ip", "route", "add", "default", "via", SCANNER]);
  });
}

/** How often the removal of hosts is tried. */
const TRIES = 10;

/**
 * Removes the namespaces that are left, known by names no other run uses. The
 * benchmark that was interrupted may be removing them too: whoever comes
 * second fails, and looks again.
 */
async function removeHosts(): Promise<void> {
  if (findProgram("ip") === undefined) return;
  for (let tries = 1;; tries++) {
    const names = await namesOfHosts();
    if (names.length === 0) return;
    try {
      for (const name of names) await removeHost(name);
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

async function namesOfHosts(): Promise<string[]> {
  const ours = `scanlogd-${Deno.pid}-`;
  return (await run(["ip", "netns", "list"])).split("\n")
    .map((line) => line.split(" ")[0])
    .filter((name) => name.startsWith(ours));
}

async function removeHost(name: string): Promise<void> {
  for (const pid of (await run(["ip", "netns", "pids", name])).split("\n")) {
    if (pid !== "") kill(Number(pid));
  }
  await run(["ip", "netns", "delete", name]);
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
