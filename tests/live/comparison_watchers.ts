/**
 * Other programs that look for scans, configured as their documentation wants
 * it, each with the help that it needs in a network namespace.
 *
 * @module
 */

import { formatAddress, parseAddress } from "../../library/packet.ts";
import {
  OURS,
  REFERENCE,
  type Watch,
  type Watcher,
} from "./innocent_watchers.ts";
import { machine } from "./machine.ts";
import { eventually, run } from "./processes.ts";
import { requirement } from "./require.ts";
import { SyslogSocket } from "./syslog_socket.ts";

/** A program to compare with. */
export interface Contender extends Watcher {
  /** Programs that must be installed. */
  tools: readonly string[];
  /** Debian's package that it comes from; none for ours. */
  package?: string;
  /** Tells which lines report a scan. */
  isReport(line: string): boolean;
  /** The source that a report names, if it does. */
  sourceOf(report: string): string | undefined;
  /** How many sources a report is about, where that may be more than one. */
  sourcesIn?(report: string): number;
}

/** What differs from psad.conf as Debian ships it. */
function psadSettings(log: string): Record<string, string> {
  return {
    HOSTNAME: "host",
    IPT_SYSLOG_FILE: log,
    AUTO_DETECT_JOURNALCTL: "N",
    ALERTING_METHODS: "noemail",
    ENABLE_DNS_LOOKUPS: "N",
    ENABLE_WHOIS_LOOKUPS: "N",
    // It looks into the log more often; thresholds are over the whole time.
    CHECK_INTERVAL: "1",
  };
}

function psadConfiguration(log: string): string {
  let text = Deno.readTextFileSync("/etc/psad/psad.conf");
  for (const [name, value] of Object.entries(psadSettings(log))) {
    const line = new RegExp(`^${name}\\s.*$`, "m");
    if (!line.test(text)) throw new Error(`psad.conf has no ${name}`);
    text = text.replace(line, `${name} ${value};`);
  }
  return text;
}

const NFLOG_GROUP = 1;

/**
 * The firewall that psad asks for: it logs what nobody listens for. In a network
 * namespace the kernel's own log stays silent, so ulogd writes it.
 */
const LOGGING: readonly string[][] = [
  ["-A", "INPUT", "-i", "lo", "-j", "ACCEPT"],
  [
    ...["-A", "INPUT", "-m", "conntrack"],
    ...["--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"],
  ],
  ["-A", "INPUT", "-m", "socket", "--nowildcard", "-j", "ACCEPT"],
  ["-A", "INPUT", "-j", "NFLOG", "--nflog-group", `${NFLOG_GROUP}`],
  ["-A", "FORWARD", "-j", "NFLOG", "--nflog-group", `${NFLOG_GROUP}`],
];

/** Looking for neighbours belongs to IPv6 itself (RFC 4861). */
const NEIGHBOURS = ["133", "134", "135", "136"].map((type) => [
  ...["-A", "INPUT", "-p", "icmpv6", "--icmpv6-type", type, "-j", "ACCEPT"],
]);

/**
 * ulogd leaves out or writes otherwise what psad expects in lines of the
 * kernel's: the reserved bits, the type of service, addresses in full.
 */
const AS_THE_KERNEL_WRITES = `
import ipaddress, re, sys
with open(sys.argv[2], "a", buffering=1) as log:
    for line in open(sys.argv[1]):
        line = re.sub(r"^(\\S+ +\\S+ \\S+ \\S+) +", r"\\1 kernel: [1.000000] ", line)
        line = re.sub(r" SEQ=\\d+ ACK=\\d+ WINDOW=(\\d+)", r" WINDOW=\\1 RES=0x00", line)
        line = re.sub(r" TOS=(\\w\\w) ", r" TOS=0x\\1 ", line)
        line = re.sub(
            r"(SRC|DST)=(\\S*:\\S*)",
            lambda m: m[1] + "=" + ipaddress.ip_address(m[2]).exploded, line)
        log.write(line)
`;

const ULOGD_PLUGINS = [
  ...["inppkt_NFLOG", "filter_IFINDEX", "filter_IP2STR", "filter_PRINTPKT"],
  ...["output_LOGEMU", "raw2packet_BASE"],
];

async function ulogdConfiguration(folder: string): Promise<string> {
  const list = await run(["dpkg", "-L", "ulogd2"]);
  const paths = ULOGD_PLUGINS.map((name) => {
    const file = `/ulogd_${name}.so`;
    const path = list.split("\n").find((line) => line.endsWith(file));
    if (path === undefined) throw new Error(`ulogd2 has no ${file}`);
    return path;
  });
  return [
    "[global]",
    `logfile="${folder}/ulogd.log"`,
    ...paths.map((path) => `plugin="${path}"`),
    "stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU",
    ...["[log1]", `group=${NFLOG_GROUP}`],
    ...["[emu1]", `file="${folder}/ulogd.lines"`, "sync=1", ""],
  ].join("\n");
}

/** Until the kernel hands packets to somebody. */
const AWAIT_ULOGD =
  "until grep -q . /proc/net/netfilter/nfnetlink_log; do sleep .1; done";

/** psad, the Port Scan Attack Detector. */
const PSAD: Contender = {
  name: "psad",
  package: "psad",
  tools: ["psad", "ulogd", "iptables", "ip6tables"],
  async start(site) {
    const { host, folder } = site;
    const log = `${folder}/firewall.log`;
    await Deno.writeTextFile(log, "");
    await Deno.writeTextFile(`${folder}/psad.conf`, psadConfiguration(log));
    await Deno.writeTextFile(
      `${folder}/ulogd.conf`,
      await ulogdConfiguration(folder),
    );
    for (const program of ["iptables", "ip6tables"]) {
      const rules = program === "ip6tables" ? NEIGHBOURS : [];
      for (const rule of [...rules, ...LOGGING]) {
        await host.run([program, ...rule]);
      }
    }
    const lines = `${folder}/ulogd.lines`;
    await run(["mkfifo", lines]);
    await site.start(host, ["python3", "-c", AS_THE_KERNEL_WRITES, lines, log]);
    await site.start(host, [
      ...["ulogd", "-c", `${folder}/ulogd.conf`, "-p", `${folder}/ulogd.pid`],
    ]);
    await host.run(["timeout", "10", "sh", "-c", AWAIT_ULOGD]);
    const socket = new SyslogSocket(`${folder}/psad`);
    const setUp = [
      `mount --bind ${folder}/psad.conf /etc/psad/psad.conf`,
      "mkdir -p /run/psad /var/log/psad/errs /var/lib/psad",
      "ln -s /run /var/run",
    ].join("\n");
    await site.start(host, [
      ...machine({ log: `${folder}/psad`, setUp }),
      ...["psad", "--no-daemon"],
    ]);
    await eventually(
      () => messages(socket).some((line) => line.includes("starting up psad")),
      () => "psad",
    );
    return watch(socket, this);
  },
  isReport: (line) => line.includes("scan detected"),
  sourceOf: (report) => canonical(/ (\S+) -> /.exec(report)?.[1]),
};

const PORTSENTRY_ETC = "/etc/portsentry";

/** portsentry in its "advanced stealth scan detection" modes. */
const PORTSENTRY: Contender = {
  name: "portsentry",
  package: "portsentry",
  tools: ["portsentry"],
  async start(site) {
    const { host, folder } = site;
    const socket = new SyslogSocket(`${folder}/portsentry`);
    const configuration = `${folder}/portsentry.conf`;
    await Deno.copyFile(`${PORTSENTRY_ETC}/portsentry.conf`, configuration);
    const setUp = [
      `mount -t tmpfs tmpfs ${PORTSENTRY_ETC}`,
      `cp ${configuration} ${PORTSENTRY_ETC}`,
      `printf '127.0.0.1/32\\n0.0.0.0\\n' >${PORTSENTRY_ETC}/portsentry.ignore`,
      "mkdir -p /var/lib/portsentry",
    ].join("\n");
    for (const mode of ["-atcp", "-audp"]) {
      await site.start(host, [
        ...machine({ log: `${folder}/portsentry`, setUp }),
        // It goes into the background.
        ...["sh", "-c", `portsentry ${mode}; read _`],
      ]);
    }
    await eventually(
      () =>
        messages(socket).filter((line) => line.includes("PortSentry is now"))
          .length === 2,
      () => "portsentry",
    );
    return watch(socket, this);
  },
  isReport: (line) => / scan from host: /.test(line),
  sourceOf: (report) => / from host: ([^/\s]+)/.exec(report)?.[1],
};

/** An address as we write it: others write IPv6 in full. */
function canonical(text: string | undefined): string | undefined {
  return text === undefined
    ? undefined
    : formatAddress(...parseAddress(text).words);
}

/** What was written to a socket, without the framing. */
function messages(socket: SyslogSocket): string[] {
  socket.lines(); // Takes what is waiting.
  return socket.messages.map((message) =>
    message.replace(/^<\d+>\w{3} +\d+ \d\d:\d\d:\d\d /, "")
  );
}

function watch(socket: SyslogSocket, { isReport }: Contender): Watch {
  return {
    lines: () => messages(socket).filter(isReport),
    // They end with the namespace.
    [Symbol.asyncDispose]: () => Promise.resolve(socket[Symbol.dispose]()),
  };
}

/** Ours tells of sources that scan together in one line. */
function countOfLine(line: string): number {
  return Number(/^(\d+) sources in lockstep/.exec(line)?.[1] ?? 1);
}

/** The source of a line of scanlogd's form. */
function sourceOfLine(line: string): string | undefined {
  const [, likely] = / in lockstep, likely (\S+),/.exec(line) ?? [];
  if (likely !== undefined) return likely;
  const form = /^(?:\[([^\]]+)\]:\d+|([\d.]+)(?::\d+)?|([0-9a-f:]+)) to /;
  const [, ipv6WithPort, ipv4, ipv6] = form.exec(line) ?? [];
  return ipv6WithPort ?? ipv4 ?? ipv6;
}

/** Ours first. */
export const CONTENDERS: readonly Contender[] = [
  {
    ...OURS,
    tools: [],
    isReport: () => true,
    sourceOf: sourceOfLine,
    sourcesIn: countOfLine,
  },
  {
    ...REFERENCE,
    package: "scanlogd",
    tools: ["scanlogd"],
    isReport: () => true,
    sourceOf: sourceOfLine,
  },
  PSAD,
  PORTSENTRY,
];

/** Why a program cannot be tried; "" if it can. */
export function whyNot({ tools }: Contender): string {
  return requirement({ root: true, tools }).reason;
}

/** The program's name, with the version of its package. */
export async function titleOf(contender: Contender): Promise<string> {
  if (contender.package === undefined) return contender.name;
  const version = await run([
    ...["dpkg-query", "-W", "-f", "${Version}", contender.package],
  ]).catch(() => "");
  return `${contender.name} ${version.replace(/-.*$/, "")}`.trimEnd();
}
