/**
 * Starts our program, and the reference beside it.
 *
 * @module
 */

import { V8_FLAGS } from "../../packaging/compile.ts";
import { machine, type MachineOptions } from "./machine.ts";
import type { Namespace } from "./namespaces.ts";
import { Process, run, type StartOptions } from "./processes.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** Our program's command, as `deno task scan` has it. */
export function program(
  args: readonly string[],
  { deno = Deno.execPath(), checkout = CHECKOUT } = {},
): string[] {
  return [
    deno,
    ...["run", "--no-prompt", "--no-code-cache", V8_FLAGS],
    ...["--allow-ffi", "--allow-read"],
    `${checkout}main.ts`,
    ...args,
  ];
}

/** Where our program runs. */
export interface DaemonOptions extends MachineOptions, StartOptions {
  /** A command before ours that changes the process, such as setpriv. */
  as?: readonly string[];
}

/** Starts our program on a host; it may yet fail. */
export function launch(
  host: Namespace,
  args: readonly string[],
  { as = [], env, input, ...options }: DaemonOptions = {},
): Process {
  const command = [...machine(options), ...as, ...program(args)];
  return new Process(host.inside(command), { env, input });
}

/** Starts our program on a host and waits until it watches. */
export async function startDaemon(
  host: Namespace,
  args: readonly string[],
  options: DaemonOptions = {},
): Promise<Process> {
  const daemon = launch(host, args, options);
  try {
    await daemon.told("scanlogd: watching: ");
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Starts Debian's scanlogd on a host. It goes into the background as soon as it
 * watches, and ends with the namespace.
 */
export async function startReference(
  host: Namespace,
  log: string,
): Promise<void> {
  await run(host.inside([...machine({ log }), "scanlogd"]));
}

/** A directory for sockets and files of one test. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one that every user can enter. */
  static async create(): Promise<Folder> {
    const path = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    await Deno.chmod(path, 0o755);
    return new Folder(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
