/**
 * Hosts for a test: network namespaces, joined by cables of their own.
 *
 * @module
 */

import { eventually, Process, run } from "./processes.ts";

/** A network namespace: a host of its own as far as packets are concerned. */
export class Namespace implements AsyncDisposable {
  /** Its name, which begins with the process that made it, and is no other's. */
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** Makes a namespace with loopback up. */
  static async create(): Promise<Namespace> {
    const name = `scanlogd-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
    await run(["ip", "netns", "add", name]);
    return await setUp(
      new Namespace(name),
      (namespace) => namespace.run(["ip", "link", "set", "lo", "up"]),
    );
  }

  /** A command that runs in this namespace. */
  inside(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  /** Starts a process in it. */
  start(command: readonly string[]): Process {
    return new Process(this.inside(command));
  }

  /**
   * Runs a process in it to its end; returns what it has written.
   *
   * @throws {Error} If it fails or does not end.
   */
  async run(command: readonly string[]): Promise<string> {
    return await run(this.inside(command));
  }

  /** Sets a variable of the namespace, such as `net.ipv4.ip_forward=1`. */
  async set(variable: string): Promise<void> {
    await this.run(["sysctl", "-qw", variable]);
  }

  /** Whoever runs in it was started by the test: ends them all. */
  async #endProcesses(): Promise<void> {
    const pids = async () =>
      (await run(["ip", "netns", "pids", this.name])).split("\n")
        .filter((line) => line !== "").map(Number);
    let left = await pids();
    for (const pid of left) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    const isGone = (pid: number) => {
      try {
        Deno.statSync(`/proc/${pid}`);
        return false;
      } catch {
        return true;
      }
    };
    await eventually(
      () => (left = left.filter((pid) => !isGone(pid))).length === 0,
      () => `the end of ${left.join(", ")}`,
      2_000,
    ).catch(() => {}); // A zombie of the caller's holds nothing.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endProcesses();
    await run(["ip", "netns", "delete", this.name]);
  }
}

/** Finishes something, and leaves nothing of it if that fails. */
export async function setUp<T extends AsyncDisposable>(
  thing: T,
  finish: (thing: T) => Promise<unknown>,
): Promise<T> {
  try {
    await finish(thing);
    return thing;
  } catch (error) {
    await thing[Symbol.asyncDispose]();
    throw error;
  }
}

/** One end of a cable. */
export interface End {
  /** Whose interface it is. */
  host: Namespace;
  /** The interface's name ["eth0"]. */
  name?: string;
  /** Its addresses with prefix length. */
  addresses: readonly string[];
}

/** Joins two hosts by a cable. */
export async function connect(...ends: [End, End]): Promise<void> {
  const [here, there] = ends.map(({ host, name = "eth0" }) => ({ host, name }));
  await run([
    ...["ip", "link", "add", here.name, "netns", here.host.name],
    ...["type", "veth", "peer", "name", there.name],
    ...["netns", there.host.name],
  ]);
  for (const { host, name = "eth0", addresses } of ends) {
    for (const address of addresses) await addAddress(host, name, address);
    await host.run(["ip", "link", "set", name, "up"]);
  }
}

/**
 * Gives a host as many interfaces, both ends of cables of its own, all up.
 *
 * @returns Their names.
 */
export async function makeInterfaces(
  host: Namespace,
  count: number,
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `veth${i}`);
  const commands = names.flatMap((name, i) => [
    ...(i % 2 === 1
      ? []
      : [`link add ${name} type veth peer name ${names[i + 1]}`]),
  ]).concat(names.map((name) => `link set ${name} up`));
  if (count > 0) {
    await host.run(["sh", "-c", commands.map((c) => `ip ${c}`).join(" && ")]);
  }
  return names;
}

/** Gives an interface an address, usable at once. */
export async function addAddress(
  host: Namespace,
  name: string,
  address: string,
): Promise<void> {
  const flags = address.includes(":") ? ["nodad"] : [];
  await host.run(["ip", "address", "add", address, "dev", name, ...flags]);
}

/** Addresses of {@linkcode TwoHosts}. */
export const SCANNER = "10.77.0.1";
/** The watched host's address. */
export const HOST = "10.77.0.2";
export const SCANNER_IPV6 = "2001:db8:77::1";
export const HOST_IPV6 = "2001:db8:77::2";

/** A host to watch, and another one to scan it from. */
export class TwoHosts implements AsyncDisposable {
  readonly scanner: Namespace;
  readonly host: Namespace;

  protected constructor(scanner: Namespace, host: Namespace) {
    this.scanner = scanner;
    this.host = host;
  }

  static async create(): Promise<TwoHosts> {
    const two = new TwoHosts(
      await Namespace.create(),
      await Namespace.create(),
    );
    return await setUp(two, ({ scanner, host }) =>
      connect(
        { host: scanner, addresses: [`${SCANNER}/24`, `${SCANNER_IPV6}/64`] },
        { host, addresses: [`${HOST}/24`, `${HOST_IPV6}/64`] },
      ));
  }

  /** Scans ports with SYN segments, from the scanner unless told otherwise. */
  async scan(
    target: string = HOST,
    { ports = "1-30", from = this.scanner } = {},
  ): Promise<void> {
    const family = target.includes(":") ? ["-6"] : [];
    await from.run([
      ...["nmap", ...family, "-n", "-Pn", "-sS", "-p", ports],
      target,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scanner[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}
