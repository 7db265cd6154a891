/**
 * The ways to scan ports, with the tools that people scan with.
 *
 * @module
 */

import type { Protocol } from "../../mod.ts";

/** Version of the internet protocol. */
export type Family = 4 | 6;

/**
 * How a host meets packets that nobody asked for: `open` has no firewall, a few
 * ports that listen, and refuses the rest as the kernel does; `reset` and
 * `reject` are firewalls that refuse every port, TCP by RST or by ICMP; `drop`
 * never answers.
 */
export type Defence = "open" | "reset" | "reject" | "drop";

/** All of them, as a title calls the host. */
export const DEFENCES: Readonly<Record<Defence, string>> = {
  open: "open host",
  reset: "host that REJECTs with tcp-reset",
  reject: "host that REJECTs",
  drop: "host that DROPs",
};

/** Whom to scan, and how to get there. */
export interface Target {
  /** The host's address, of the family that is scanned. */
  address: string;
  /** An IPv4 network all of whose addresses are the host's. */
  network: string;
  /** The host's hardware address. */
  hardwareAddress: string;
  /** The scanner's address, of the same family. */
  scanner: string;
  /** The scanner's interface. */
  interface: string;
}

/** What a found scan's line looks like. */
export type Form = "scan" | "sweep" | "decoys";

/** A way to scan ports. */
export interface Technique {
  /** The command as people write it, without what only a test needs. */
  name: string;
  /** The protocol of the probes. */
  protocol: Protocol;
  /** Families that the tool can scan so. */
  families: readonly Family[];
  /** The whole command. */
  command(target: Target): string[];
  /** What its line looks like. */
  form: Form;
  /**
   * Flags of every probe, as a line writes them: upper case where set. A line may
   * have `?` in place of each letter. Only for TCP.
   */
  flags?: string;
  /** Hosts on which nothing tells it from harmless traffic, or nothing answers. */
  hiddenOn: readonly Defence[];
  /** Seconds from the command's start within which it must be told. */
  patience: number;
  /** Whether Openwall's scanlogd finds it; left out where chance decides. */
  reference?: boolean;
}

const BOTH: readonly Family[] = [4, 6];
/** The bar, in seconds. */
const PATIENCE = 15;
/** Seven probes or more, each 3.2 s after the other, and each perhaps twice. */
const SLOW_PATIENCE = 90;

/** What stands in most entries. */
const USUAL = {
  protocol: "tcp",
  families: BOTH,
  form: "scan",
  hiddenOn: [],
  patience: PATIENCE,
} as const satisfies Partial<Technique>;

/** nmap's command: no name server, and no ping that a host may leave unanswered. */
function nmap(options: string): Pick<Technique, "name" | "command"> {
  const args = options.split(" ");
  return {
    name: `nmap ${options}`,
    command: ({ address }) => [
      ...["nmap", "-n", "-Pn", ...(address.includes(":") ? ["-6"] : [])],
      ...args,
      address,
    ],
  };
}

/** nmap's scans that the classic rule finds, by what comes in. */
function classic(options: string, flags: string): Technique {
  return { ...USUAL, ...nmap(options), flags, reference: true };
}

/** Scans with ACK that are no bulk traffic: what comes in tells enough. */
function unasked(options: string, flags: string): Technique {
  return { ...classic(options, flags), reference: false };
}

/** Scans that look like bulk traffic: that the port is not in use tells them. */
function bulk(options: string, flags: string): Technique {
  return unasked(options, flags);
}

/** Scans without an answer, and not one that a scanner would learn from. */
function unanswered(options: string): Technique {
  return {
    ...USUAL,
    ...nmap(options),
    hiddenOn: ["open", "reset", "reject", "drop"],
    reference: false,
  };
}

function udp(options: string): Technique {
  return {
    ...USUAL,
    ...nmap(options),
    protocol: "udp",
    reference: false,
  };
}

function sctp(options: string): Technique {
  return { ...USUAL, ...nmap(options), protocol: "sctp", reference: false };
}

/** Addresses for documentation (RFC 3849), each of another network. */
const DECOYS_IPV6 = Array.from(
  { length: 10 },
  (_, i) => `2001:db8:${(0xd0 + i).toString(16)}::7`,
);

function decoys(options: string, family: Family): Technique {
  return {
    ...USUAL,
    ...nmap(options),
    families: [family],
    form: "decoys",
    flags: "fSrpauxy",
  };
}

/** A port that nobody listens on, and that worms look for. */
export const SWEPT_PORT = "445";
/** Packets a second: a /24 takes a second. */
const SWEEP_RATE = "256";

const SWEEP = {
  ...USUAL,
  families: [4],
  form: "sweep",
  flags: "fSrpauxy",
  reference: false,
} as const satisfies Partial<Technique>;

/** masscan and zmap find no way to their target by themselves. */
function masscan(
  { scanner, hardwareAddress, ...target }: Target,
  options: string[],
): string[] {
  return [
    ...["masscan", ...options, "--interface", target.interface],
    ...["--adapter-ip", scanner, "--router-mac", hardwareAddress],
  ];
}

/** Every technique. */
export const techniques: readonly Technique[] = [
  classic("-sS", "fSrpauxy"),
  classic("-sT", "fSrpauxy"),
  classic("-sF", "Fsrpauxy"),
  classic("-sN", "fsrpauxy"),
  classic("-sX", "FsrPaUxy"),
  unasked("-sM", "FsrpAuxy"),
  bulk("-sA", "fsrpAuxy"),
  bulk("-sW", "fsrpAuxy"),
  udp("-sU"),
  udp("-sU -F"),
  sctp("-sY"),
  sctp("-sZ"),
  classic("--scanflags SYNFIN", "FSrpauxy"),
  classic("--scanflags SYNECECWR", "fSrpauXY"),
  classic("--scanflags URGPSH", "fsrPaUxy"),
  unasked("--scanflags SYNACK", "fSrpAuxy"),
  unasked("--scanflags ACKURG", "fsrpAUxy"),
  unasked("--scanflags FINPSHACK", "FsrPAuxy"),
  bulk("--scanflags PSHACK", "fsrPAuxy"),
  unanswered("--scanflags RST"),
  unasked("--scanflags SYNRST", "fSRpauxy"),
  { ...classic("-sS -f", "fSrpauxy"), families: [4] },
  decoys("-sS -D RND:30", 4),
  {
    ...decoys(`-sS -D ${DECOYS_IPV6.join(",")}`, 6),
    name: "nmap -sS -D DECOYS",
  },
  classic("-sS -T2", "fSrpauxy"),
  {
    ...classic("-sS --scan-delay 3200ms", "fSrpauxy"),
    families: [4],
    patience: SLOW_PATIENCE,
    reference: false,
  },
  {
    ...USUAL,
    name: "hping3 --scan",
    families: [4],
    flags: "fSrpauxy",
    reference: true,
    command: ({ address }) => ["hping3", "-S", "--scan", "1-1000", address],
  },
  {
    ...USUAL,
    name: "masscan -p",
    families: BOTH,
    flags: "fSrpauxy",
    reference: true,
    command: (target) => masscan(target, [target.address, "-p", "1-1000"]),
  },
  {
    ...SWEEP,
    ...{ name: `nmap -p ${SWEPT_PORT} NETWORK/24` },
    command: ({ network }) =>
      nmap(`-p ${SWEPT_PORT}`).command(
        { address: network } as Target,
      ),
  },
  {
    ...SWEEP,
    name: `masscan -p ${SWEPT_PORT} NETWORK/24`,
    command: (target) =>
      masscan(target, [
        ...[target.network, "-p", SWEPT_PORT, "--rate", SWEEP_RATE],
      ]),
  },
  {
    ...SWEEP,
    name: `zmap -p ${SWEPT_PORT} NETWORK/24`,
    command: ({ network, hardwareAddress, scanner, ...target }) => [
      ...["zmap", "-p", SWEPT_PORT, network, "--rate", SWEEP_RATE],
      ...["--interface", target.interface, "--source-ip", scanner],
      ...["--gateway-mac", hardwareAddress, "-b", "/dev/null"],
    ],
  },
];

/** The programs that they take. */
export const TECHNIQUE_TOOLS = ["nmap", "hping3", "masscan", "zmap"];

/** The name, with what tells the family where it is IPv6. */
export function titleOf({ name }: Technique, family: Family): string {
  if (family === 4) return name;
  return name.startsWith("nmap ")
    ? name.replace("nmap ", "nmap -6 ")
    : `${name}, IPv6`;
}

/** The line that must tell a technique. */
export function expectedLine(
  technique: Technique,
  { address, scanner }: Target,
): RegExp {
  const [from, to] = [sourcePattern(scanner), RegExp.escape(address)];
  const rest = `, \\.\\.\\., ${whatPattern(technique)}(, TOS [0-9a-f]{2})?` +
    "(, TTL \\d+)? @\\d\\d:\\d\\d:\\d\\d$";
  const ports = `ports \\d+(, \\d+)*${rest}`;
  switch (technique.form) {
    case "scan":
      return new RegExp(`^${from} to ${to} ${ports}`);
    case "sweep":
      return new RegExp(
        `^${from} to \\S+ and others, ports ${SWEPT_PORT}${rest}`,
      );
    case "decoys":
      return new RegExp(
        `^\\d+ sources in lockstep${likely(scanner)} to ${to} ${ports}`,
      );
  }
}

/** Nobody but the scanner may be called likely; a half-open scan proves nobody. */
function likely(scanner: string): string {
  return `(, likely ${RegExp.escape(scanner)},)?`;
}

function sourcePattern(address: string): string {
  const escaped = RegExp.escape(address);
  return address.includes(":")
    ? `(${escaped}|\\[${escaped}\\]:\\d+)`
    : `${escaped}(:\\d+)?`;
}

function whatPattern({ protocol, flags = "fsrpauxy" }: Technique): string {
  if (protocol !== "tcp") return protocol;
  return [...flags].map((letter) => `[${letter}?]`).join("");
}
