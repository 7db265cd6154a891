/**
 * The option table: the single source for parsing, checking and help.
 *
 * @module
 */

import {
  LATENESS_MS,
  LONGEST_LATENESS_MS,
} from "../capture/savefile/probe_records.ts";
import { SHELLS } from "./completions/shells.ts";
import { KNOBS } from "../detect/settings.ts";
import { MAX_LINE } from "../format/line.ts";
import { FACILITIES, LEVELS } from "../format/syslog.ts";

/** What all options have. */
interface Common {
  /** One letter. */
  readonly short?: string;
  /** What it is for, in a few words. */
  readonly help: string;
  /** Shown as the default, where the value alone does not say it. */
  readonly defaultText?: string;
}

/** An option that is given or not. */
interface FlagOption extends Common {
  readonly kind: "flag";
}

/** An option with a text. */
interface TextOption extends Common {
  readonly kind: "text";
  readonly value: string;
  readonly default?: string;
  /** The only texts allowed. */
  readonly choices?: readonly string[];
}

/** An option with texts: repeated, or separated by commas. */
interface ListOption extends Common {
  readonly kind: "list";
  readonly value: string;
  readonly choices?: readonly string[];
}

/** An option with paths, which may have commas: repeated. */
interface PathsOption extends Common {
  readonly kind: "paths";
  readonly value: string;
}

/** An option with an integer. */
interface IntegerOption extends Common {
  readonly kind: "integer";
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** An option with a time, in milliseconds. */
interface TimeOption extends Common {
  readonly kind: "time";
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** An option. */
export type OptionSpec =
  | FlagOption
  | TextOption
  | ListOption
  | PathsOption
  | IntegerOption
  | TimeOption;

/** All options, by long name, in the order of the help text. */
export const OPTIONS = {
  "interface": {
    kind: "list",
    short: "i",
    value: "NAME",
    help:
      "watch this interface (repeatable; * and ? match, a leading ! excludes); an absent one is waited for",
    defaultText: "all",
  },
  "capture": {
    kind: "text",
    short: "c",
    value: "KIND",
    choices: ["raw", "pcap", "nids", "auto"],
    default: "auto",
    help: "how to capture: raw, pcap, nids or auto",
    defaultText: "auto: raw on Linux, else pcap",
  },
  "read": {
    kind: "paths",
    short: "r",
    value: "FILE",
    help:
      'read capture files or probe records (repeatable, directories too), "-" for standard input',
  },
  "promiscuous": {
    kind: "flag",
    short: "p",
    help: "see other hosts' packets too",
  },
  "filter": {
    kind: "text",
    value: "EXPR",
    help: "additional tcpdump expression (pcap and nids)",
  },
  "ignore": {
    kind: "list",
    value: "CIDR[=PORTS]",
    help:
      "never report these sources, or what they do at these ports (repeatable, comma lists; PORTS: 53+udp/123+6000-6100)",
  },
  "ignore-ports": {
    kind: "list",
    value: "PORTS",
    help: "ports to ignore, whatever the source (repeatable, comma lists)",
  },
  "ignore-file": {
    kind: "paths",
    value: "PATH",
    help:
      "a file with one CIDR[=PORTS] per line, # starts a comment (repeatable); read again by --reload",
  },
  "home": {
    kind: "list",
    value: "CIDR",
    help:
      "our own hosts, whose refusals count as evidence (repeatable, comma lists)",
    defaultText: "this host, by packet direction",
  },
  "min-ports": {
    kind: "integer",
    value: "N",
    ...KNOBS.minPorts,
    help: "privileged ports that make a scan",
  },
  "privileged-weight": {
    kind: "integer",
    value: "N",
    ...KNOBS.privilegedWeight,
    help: "weight of a port below 1024",
  },
  "high-weight": {
    kind: "integer",
    value: "N",
    ...KNOBS.highWeight,
    help: "weight of any other port",
  },
  "scan-delay": {
    kind: "time",
    value: "TIME",
    ...KNOBS.scanDelay,
    help: "longest pause inside a scan",
  },
  "slow-window": {
    kind: "time",
    value: "TIME",
    ...KNOBS.slowWindow,
    help:
      "longest time that a slow scan may take, 0 = do not look for slow scans",
  },
  "sources": {
    kind: "integer",
    value: "N",
    ...KNOBS.sources,
    help: "how many sources to remember",
  },
  "ipv6-prefix": {
    kind: "integer",
    value: "N",
    ...KNOBS.ipv6Prefix,
    help: "leading bits that identify an IPv6 source",
  },
  "outgoing": {
    kind: "flag",
    help: "report scans by this host (or --home) too",
  },
  "classic": {
    kind: "flag",
    help: "only the original scanlogd's rule",
  },
  "output": {
    kind: "list",
    short: "o",
    value: "SINK",
    choices: [
      ...["syslog", "stdout", "json", "ecs", "probes", "summary", "file:PATH"],
      ...["json:PATH", "ecs:PATH", "probes:PATH", "html:PATH", "unix:PATH"],
    ],
    help:
      "syslog, stdout, json, ecs, probes (for --read elsewhere), summary (a table at the end), file:PATH, json:PATH, ecs:PATH, probes:PATH, html:PATH (a page, with --read), unix:PATH (JSON datagrams) (repeatable)",
    defaultText: "syslog; with --read: stdout; on a terminal also stdout",
  },
  "metrics": {
    kind: "text",
    value: "PATH",
    help: "counters for Prometheus' textfile collector, every 15 s",
  },
  "probe-rate": {
    kind: "integer",
    value: "N",
    ...KNOBS.probeRate,
    help: "maximum number of probes written per second",
  },
  "lateness": {
    kind: "time",
    value: "TIME",
    min: 0,
    max: LONGEST_LATENESS_MS,
    default: LATENESS_MS,
    help: "how late probe records may arrive",
  },
  "log-burst": {
    kind: "integer",
    value: "N",
    ...KNOBS.logBurst,
    help: "scans logged in a row, 0 = no limit",
  },
  "log-delay": {
    kind: "time",
    value: "TIME",
    ...KNOBS.logDelay,
    help: "pause that ends a row",
  },
  "max-line": {
    kind: "integer",
    value: "N",
    min: 0,
    max: 8192,
    default: MAX_LINE,
    help: "longest line in bytes, but for its first port, 0 = no limit",
  },
  "facility": {
    kind: "text",
    value: "NAME",
    choices: Object.keys(FACILITIES),
    default: "daemon",
    help: "syslog facility",
  },
  "level": {
    kind: "text",
    value: "NAME",
    choices: Object.keys(LEVELS),
    default: "alert",
    help: "syslog level",
  },
  "ident": {
    kind: "text",
    value: "NAME",
    default: "scanlogd",
    help: "the name in front of each line",
  },
  "syslog-socket": {
    kind: "text",
    value: "PATH",
    default: "/dev/log",
    help: "where syslogd listens",
  },
  "summary": {
    kind: "flag",
    help: "a second line when a reported scan has ended",
  },
  "utc": {
    kind: "flag",
    help: "write times in UTC",
  },
  "daemon": {
    kind: "flag",
    short: "d",
    help: "run in the background once the capture is open",
  },
  "pid-file": {
    kind: "text",
    value: "PATH",
    help: "write the process ID there, and lock the file",
  },
  "user": {
    kind: "text",
    short: "u",
    value: "NAME",
    default: "scanlogd",
    help: "become this user once everything is open",
  },
  "chroot": {
    kind: "text",
    value: "DIR",
    default: "/var/empty",
    help: "make this the root directory once everything is open",
  },
  "no-drop": {
    kind: "flag",
    help: "keep the user and root directory (for debugging)",
  },
  "trial": {
    kind: "flag",
    help:
      "try it out: lines to stdout too, and stand-ins for a missing user, directory or syslogd",
  },
  "config": {
    kind: "text",
    short: "f",
    value: "FILE",
    help: "read options from this TOML file; its keys are the long options",
  },
  "check": {
    kind: "flag",
    help: "check options, files and interfaces, and exit",
  },
  "reload": {
    kind: "flag",
    help:
      "make the running daemon read its configuration and ignore files again (as root)",
  },
  "control": {
    kind: "text",
    value: "PATH",
    default: "/run/scanlogd/control",
    help: "the socket of --reload",
  },
  "quiet": {
    kind: "flag",
    short: "q",
    help: "only errors on standard error",
  },
  "verbose": {
    kind: "flag",
    short: "v",
    help: "say more on standard error",
  },
  "help": {
    kind: "flag",
    short: "h",
    help: "print this help",
  },
  "completions": {
    kind: "text",
    value: "SHELL",
    choices: SHELLS,
    help: "print completions for bash, zsh or fish",
  },
  "version": {
    kind: "flag",
    short: "V",
    help: "print the version",
  },
} as const satisfies Record<string, OptionSpec>;

/** The long name of an option. */
export type OptionName = keyof typeof OPTIONS;

type ValueOf<Spec extends OptionSpec> = Spec extends { kind: "flag" } ? boolean
  : Spec extends { kind: "list" } ? readonly string[]
  : Spec extends { kind: "paths" } ? readonly string[] | undefined
  : Spec extends { kind: "integer" | "time" } ? number
  : Spec extends { default: string } ? string
  : string | undefined;

/** All options' values; {@linkcode Options.given} names those that were set. */
export type Options =
  & { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> }
  & { readonly given: ReadonlySet<OptionName> };
