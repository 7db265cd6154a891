/**
 * A host that is scanned, with one of several defences, and watched by our
 * program and, if wanted, by the reference.
 *
 * @module
 */

import {
  type DaemonOptions,
  Folder,
  startDaemon,
  startReference,
} from "./daemon.ts";
import {
  HOST,
  HOST_IPV6,
  type Namespace,
  SCANNER,
  SCANNER_IPV6,
  setUp,
  TwoHosts,
} from "./namespaces.ts";
import { pause, type Process, run } from "./processes.ts";
import { SyslogSocket } from "./syslog_socket.ts";
import type { Defence, Family, Target } from "./techniques.ts";

/** Ports that listen on an open host. */
const OPEN_PORTS = [22, 80, 443, 3306, 8080];
/** A network all of whose addresses are the host's. */
const NETWORK = "10.78.0";
const INTERFACE = "eth0";

/** What a firewall does with a packet that nobody asked for. */
const VERDICTS: Readonly<Record<Exclude<Defence, "open">, string>> = {
  reset: "meta l4proto tcp reject with tcp reset\n" +
    "reject with icmpx type port-unreachable",
  reject: "reject with icmpx type port-unreachable",
  drop: "drop",
};

/**
 * Neighbours are looked for whatever the firewall does with scans. Rules of the
 * usual priority come first: a program may have some that log what arrives.
 */
function firewall(verdict: string): string {
  return `table inet firewall {
    chain input {
      type filter hook input priority 10
      iifname lo accept
      icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
      ${verdict}
    }
  }`;
}

/** Listens on some ports, IPv4 and IPv6, and hangs up on whoever connects. */
const LISTEN = `
import selectors, socket, sys
events = selectors.DefaultSelector()
for port in sys.argv[1:]:
    events.register(
        socket.create_server(
            ("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True),
        selectors.EVENT_READ)
print("listening", file=sys.stderr, flush=True)
while True:
    for key, _ in events.select():
        try:
            key.fileobj.accept()[0].close()
        except OSError:
            pass  # The scanner has reset the connection.
`;

/** Programs that a target host takes. */
export const TARGET_TOOLS = ["ip", "nft", "unshare", "python3"];

/** What a target host is to have. */
export interface TargetOptions {
  /** Whether all addresses of a network are its own [false]. */
  network?: boolean;
  /** Whether the reference watches it too [false]. */
  reference?: boolean;
  /** Whether some ports of an open host listen [true]. */
  listening?: boolean;
  /** Variables to set before, such as `net.ipv4.ip_forward=1` [none]. */
  variables?: readonly string[];
  /** What our program writes to its standard output [stdout]. */
  output?: "stdout" | "json";
  /** How our program is started. */
  daemon?: DaemonOptions;
}

/** A watched host and its scanner. */
export class TargetHost implements AsyncDisposable {
  /** Our program on it, with its defaults and on its standard output. */
  daemon!: Process;
  readonly #started = new AsyncDisposableStack();
  #two!: TwoHosts;
  #reference?: SyslogSocket;
  #hardwareAddress = "";

  /** Makes one. */
  static async create(
    defence: Defence,
    options: TargetOptions = {},
  ): Promise<TargetHost> {
    return await setUp(
      new TargetHost(),
      (target) => target.#start(defence, options),
    );
  }

  async #start(
    defence: Defence,
    options: TargetOptions,
  ): Promise<void> {
    const { network, reference, listening = true, output = "stdout" } = options;
    this.#two = this.#started.use(await TwoHosts.create());
    const { host, scanner } = this.#two;
    this.#hardwareAddress = await host.run([
      "cat",
      `/sys/class/net/${INTERFACE}/address`,
    ]);
    await settle(scanner);
    await settle(host);
    await leadAnywhere(host);
    if (network) await own(host, scanner);
    for (const variable of options.variables ?? []) await host.set(variable);
    if (defence !== "open") await defend(host, defence);
    else if (listening) this.#started.use(await listen(host));
    if (reference) await this.#startReference();
    this.daemon = this.#started.use(
      await startDaemon(host, ["--output", output], options.daemon),
    );
  }

  async #startReference(): Promise<void> {
    const folder = this.#started.use(await Folder.create());
    const path = `${folder.path}/log`;
    this.#reference = this.#started.use(new SyslogSocket(path));
    await startReference(this.#two.host, path);
  }

  /** The reference's lines so far. */
  referenceLines(): string[] {
    return this.#reference?.lines() ?? [];
  }

  /** Whom to scan. */
  target(family: Family): Target {
    return {
      address: family === 4 ? HOST : HOST_IPV6,
      network: `${NETWORK}.0/24`,
      hardwareAddress: this.#hardwareAddress,
      scanner: family === 4 ? SCANNER : SCANNER_IPV6,
      interface: INTERFACE,
    };
  }

  /** Starts a command on the scanner. */
  scan(command: readonly string[]): Process {
    return this.#two.scanner.start(command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}

/** Gives a host a way to everywhere, which is where decoys live. */
async function leadAnywhere(host: Namespace): Promise<void> {
  await host.run(["ip", "route", "add", "default", "via", SCANNER]);
  await host.run(["ip", "-6", "route", "add", "default", "via", SCANNER_IPV6]);
}

/** Gives a host the addresses of the network, and the scanner the way there. */
async function own(host: Namespace, scanner: Namespace): Promise<void> {
  const addresses = Array.from(
    { length: 256 },
    (_, i) => `address add ${NETWORK}.${i}/32 dev lo`,
  );
  await feed(host, ["ip", "-batch", "-"], addresses.join("\n"));
  await scanner.run(["ip", "route", "add", `${NETWORK}.0/24`, "via", HOST]);
}

/** Runs a command with a text on its standard input. */
async function feed(
  host: Namespace,
  command: readonly string[],
  text: string,
): Promise<void> {
  await run(host.inside(command), { input: new TextEncoder().encode(text) });
}

/** Takes away the firewall that a host was given. */
export async function expose(host: Namespace): Promise<void> {
  await host.run(["nft", "delete", "table", "inet", "firewall"]);
}

/** Gives a host a firewall. */
export async function defend(
  host: Namespace,
  defence: Exclude<Defence, "open">,
): Promise<void> {
  await feed(host, ["nft", "-f", "-"], firewall(VERDICTS[defence]));
}

/** Listens on some ports, over IPv4 and IPv6. */
export async function listen(host: Namespace): Promise<Process> {
  const ports = OPEN_PORTS.map(String);
  const server = host.start(["python3", "-c", LISTEN, ...ports]);
  await server.told("listening");
  return server;
}

/**
 * Waits until a host's link-local address may be used. Before, nmap takes the
 * slow neighbour discovery for the round trip, and pauses for 5 s.
 */
export async function settle(host: Namespace): Promise<void> {
  const tentative = ["ip", "-6", "address", "show", "dev", INTERFACE];
  while ((await host.run([...tentative, "tentative"])) !== "") await pause(50);
}
