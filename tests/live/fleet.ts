/**
 * A fleet as packaging/fleet/ sets it up: hosts with scanlogd and rsyslogd, and
 * a centre with rsyslogd, Redis and a reader, all behind a router.
 *
 * @module
 */

import { concat, ipv4, tcp } from "../packets.ts";
import { type Folder, program, startDaemon } from "./daemon.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { connect, Namespace, setUp } from "./namespaces.ts";
import { eventually, Process, run } from "./processes.ts";

const RECIPES = new URL("../../packaging/fleet/", import.meta.url).pathname;
/** The centre's address. */
const CENTRE = "10.99.0.2";
const ROUTER = "10.99.0.1";
const SCANNER_NET = "10.98.0";
/** Streams that the recipe makes. */
const STREAMS = ["probes:0", "probes:1"];

/** A host's address by its number. */
export function addressOf(host: number): string {
  return `10.99.0.${10 + host}`;
}

/** The recipe, with a test's places in it. */
async function recipe(
  name: string,
  folder: string,
  changes: Record<string, string>,
): Promise<string> {
  let text = await Deno.readTextFile(`${RECIPES}${name}`);
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`no "${from}" in ${name}`);
    text = text.replaceAll(from, to);
  }
  const path = `${folder}/rsyslog.conf`;
  await Deno.writeTextFile(
    path,
    `global(workDirectory="${folder}")\n${text}\n` +
      `syslog.* action(type="omfile" file="${folder}/own.log")\n`,
  );
  return path;
}

/** An authority and certificates of it, as TLS wants them. */
async function certify(folder: string, names: readonly string[]) {
  const make = (...args: string[]) => run(["openssl", ...args]);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  await make(
    ...["req", "-x509", ...key, "-nodes", "-days", "2", "-subj", "/CN=ca"],
    ...["-keyout", `${folder}/ca.key`, "-out", `${folder}/ca.pem`],
  );
  for (const name of names) {
    await make(
      ...["req", "-x509", ...key, "-nodes", "-days", "2"],
      ...["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-CA", `${folder}/ca.pem`, "-CAkey", `${folder}/ca.key`],
      ...["-keyout", `${folder}/${name}.key`, "-out", `${folder}/${name}.pem`],
    );
  }
}

/** A part of the fleet that can be killed and started again. */
export class Part implements AsyncDisposable {
  #process: Process | undefined;
  readonly #start: () => Process | Promise<Process>;

  constructor(start: () => Process | Promise<Process>) {
    this.#start = start;
  }

  get process(): Process {
    if (this.#process === undefined) throw new Error("not started");
    return this.#process;
  }

  async start(): Promise<void> {
    this.#process = await this.#start();
  }

  /** Kills it with all that it has started. */
  async kill(): Promise<void> {
    const { pid } = this.process;
    await run(["kill", "-KILL", "--", `-${pid}`]);
    await this.process.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process !== undefined && this.#process.code < 0) {
      await this.kill().catch(() => {});
    }
    await this.#process?.[Symbol.asyncDispose]();
  }
}

/** Hosts, a centre, and somebody who scans. */
export class Fleet implements AsyncDisposable {
  readonly daemons: Part[] = [];
  readonly forwarders: Part[] = [];
  readonly centre: Part;
  readonly redis: Part;
  readonly readers: Part[];
  /** What the readers have written, in all their lives. */
  readonly lines: string[] = [];
  readonly #folder: string;
  readonly #spaces: Namespace[];
  #mac: Uint8Array = new Uint8Array();

  private constructor(folder: string, spaces: Namespace[]) {
    this.#folder = folder;
    this.#spaces = spaces;
    const [, , centre, ...hosts] = spaces;
    for (const [i, host] of hosts.entries()) {
      const own = `${folder}/host${i}`;
      this.daemons.push(
        new Part(() =>
          startDaemon(host, ["-o", `probes:${own}/probes.jsonl`], {
            as: ["setsid"],
          })
        ),
      );
      this.forwarders.push(
        new Part(() =>
          this.#rsyslogd(host, own, "host.conf", {
            "/var/log/scanlogd/probes.jsonl": `${own}/probes.jsonl`,
            'target="centre.example"': `target="${CENTRE}"`,
            'resumeInterval="5"': 'resumeInterval="1"',
            "/etc/scanlogd/fleet/cert.pem": `${folder}/h.hosts.example.pem`,
            "/etc/scanlogd/fleet/key.pem": `${folder}/h.hosts.example.key`,
            "/etc/scanlogd/fleet/ca.pem": `${folder}/ca.pem`,
          })
        ),
      );
    }
    this.centre = new Part(() =>
      this.#rsyslogd(centre, `${folder}/centre`, "centre.conf", {
        "/etc/scanlogd/fleet/cert.pem": `${folder}/centre.example.pem`,
        "/etc/scanlogd/fleet/key.pem": `${folder}/centre.example.key`,
        "/etc/scanlogd/fleet/ca.pem": `${folder}/ca.pem`,
      })
    );
    this.redis = new Part(() => this.#startRedis(centre));
    this.readers = STREAMS.map((stream) =>
      new Part(() => this.#read(centre, stream))
    );
  }

  /** Makes one, which runs. */
  static async create(folder: Folder, hosts: number): Promise<Fleet> {
    const spaces = await Promise.all(
      Array.from({ length: hosts + 3 }, () => Namespace.create()),
    );
    return await setUp(
      new Fleet(folder.path, spaces),
      (fleet) => fleet.#begin(hosts),
    );
  }

  async #begin(hosts: number): Promise<void> {
    const [scanner, router, centre, ...others] = this.#spaces;
    await router.set("net.ipv4.ip_forward=1");
    await router.run(["ip", "link", "add", "br0", "type", "bridge"]);
    await router.run(["ip", "address", "add", `${ROUTER}/24`, "dev", "br0"]);
    await router.run(["ip", "link", "set", "br0", "up"]);
    await connect(
      { host: scanner, addresses: [`${SCANNER_NET}.2/24`] },
      { host: router, addresses: [`${SCANNER_NET}.1/24`], name: "outside" },
    );
    this.#mac = await hardwareAddress(router, "outside");
    for (const [i, host] of [centre, ...others].entries()) {
      const address = i === 0 ? CENTRE : addressOf(i - 1);
      const name = `port${i}`;
      await connect(
        { host, addresses: [`${address}/24`] },
        { host: router, addresses: [], name },
      );
      await router.run(["ip", "link", "set", name, "master", "br0"]);
      await host.run(["ip", "route", "add", "default", "via", ROUTER]);
    }
    await certify(this.#folder, ["centre.example", "h.hosts.example"]);
    await this.redis.start();
    await this.centre.start();
    for (const reader of this.readers) await reader.start();
    for (let i = 0; i < hosts; i++) {
      await Deno.mkdir(`${this.#folder}/host${i}`);
      await this.daemons[i].start();
      await this.forwarders[i].start();
    }
  }

  async #rsyslogd(
    host: Namespace,
    folder: string,
    name: string,
    changes: Record<string, string>,
  ): Promise<Process> {
    await Deno.mkdir(folder, { recursive: true });
    const path = await recipe(name, folder, changes);
    const pid = `${folder}/pid`;
    await Deno.remove(pid).catch(() => {});
    const process = host.start([
      ...["setsid", "rsyslogd", "-n", "-f", path, "-i", pid],
    ]);
    await eventually(
      () => isThere(pid) || process.code >= 0,
      () => `rsyslogd:\n${process.stderr.join("\n")}`,
    );
    return process;
  }

  async #startRedis(centre: Namespace): Promise<Process> {
    const folder = `${this.#folder}/redis`;
    await Deno.mkdir(folder, { recursive: true });
    const process = centre.start([
      ...["setsid", "redis-server", `${RECIPES}redis.conf`],
      ...["--dir", folder],
    ]);
    await eventually(
      () => process.stdout.some((line) => line.includes("Ready to accept")),
      () => `Redis:\n${process.stdout.join("\n")}`,
    );
    return process;
  }

  #read(centre: Namespace, stream: string): Process {
    const process = new Process(
      centre.inside([
        ...["setsid", `${RECIPES}scanlogd-fleet-reader`, stream],
        ...["--no-drop", "--lateness", "1s", "--log-burst", "0"],
      ]),
      { env: { SCANLOGD: program([]).join(" ") } },
    );
    const { stdout } = process;
    const push = stdout.push.bind(stdout);
    stdout.push = (...lines) => {
      this.lines.push(...lines);
      return push(...lines);
    };
    return process;
  }

  /** Scans one port of all hosts with masscan; returns its address. */
  async masscan(port: number): Promise<string> {
    const [scanner] = this.#spaces;
    const mac = Array.from(
      this.#mac,
      (byte) => byte.toString(16).padStart(2, "0"),
    );
    const address = `${SCANNER_NET}.2`;
    await scanner.run([
      ...["masscan", `${addressOf(0)}-${addressOf(this.daemons.length - 1)}`],
      ...["-p", `${port}`, "--rate", "200", "--wait", "0"],
      ...["--interface", "eth0", "--adapter-ip", address],
      ...["--router-mac", mac.join(":")],
    ]);
    return address;
  }

  /** Probes one port of all hosts from an address by its number, once each. */
  async sweep(number: number, port: number): Promise<string> {
    const [scanner] = this.#spaces;
    const source = `${SCANNER_NET}.${number}`;
    const own = await hardwareAddress(scanner);
    const frames = this.daemons.map((_, host) =>
      concat(
        ...[this.#mac, own, [0x08, 0x00]],
        ipv4(tcp({ destinationPort: port }), {
          source,
          destination: addressOf(host),
        }),
      )
    );
    await inject(scanner, frames);
    return source;
  }

  /** Which hosts' probes by a source have come to the centre. */
  async arrived(source: string): Promise<Set<string>> {
    const [, , centre] = this.#spaces;
    const hosts = new Set<string>();
    for (const stream of STREAMS) {
      const text = await centre.run(["redis-cli", "XRANGE", stream, "-", "+"])
        .catch(() => "");
      for (const line of text.split("\n")) {
        if (!line.startsWith("{")) continue;
        const { src_ip, host } = JSON.parse(line);
        if (src_ip === source) hosts.add(host);
      }
    }
    return hosts;
  }

  /** A host sends what its scanlogd has not written. */
  async invent(host: number, lines: readonly string[]): Promise<void> {
    const path = `${this.#folder}/host${host}/probes.jsonl`;
    const text = lines.map((line) => `${line}\n`).join("");
    await Deno.writeTextFile(path, text, { append: true });
  }

  /** Lines that name a source. */
  naming(source: string): string[] {
    return this.lines.filter((line) =>
      line.includes(`"src_ip":"${source}"`) &&
      line.includes('"event_type":"portscan"')
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = [
      ...[...this.readers, ...this.daemons, ...this.forwarders],
      ...[this.centre, this.redis],
    ];
    for (const part of parts) await part[Symbol.asyncDispose]();
    for (const space of this.#spaces) await space[Symbol.asyncDispose]();
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
