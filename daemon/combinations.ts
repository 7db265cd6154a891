/**
 * What options mean together, and what cannot be seen from one of them alone.
 *
 * @module
 */

import { parseNetwork } from "../detect/packet/address.ts";
import { isIdent, MAX_IDENT } from "../format/syslog.ts";
import { Failure, quote } from "./failure.ts";
import { checkIgnored, checkPorts } from "./ignored.ts";
import { type OptionName, OPTIONS, type Options } from "./options.ts";

/**
 * Checks what cannot be seen from one option alone.
 *
 * @param label How messages call an option.
 * @throws {Failure} If options contradict each other, or one its meaning.
 */
export function checkTogether(
  options: Options,
  label: (name: OptionName) => string,
): void {
  const { "high-weight": high, "privileged-weight": privileged } = options;
  if (high > privileged) {
    throw new Failure(
      `${
        label("high-weight")
      } must be at most --privileged-weight (${privileged}), got "${high}"`,
    );
  }
  checkLogging(options, label);
  checkInterfaces(options, label("interface"));
  checkNetworks(label("home"), options.home);
  for (const text of options.ignore) checkIgnored(label("ignore"), text);
  for (const text of options["ignore-ports"]) {
    checkPorts(label("ignore-ports"), text);
  }
  if (options.classic) refuseWithClassic(options);
  if (options.outgoing) checkOutgoing(options);
  if (options.reload) refuseWithReload(options);
  if (options.read !== undefined) refuseWithRead(options);
  else if (options.filter !== undefined && captureKind(options) === "raw") {
    throw new Failure(
      "--filter needs libpcap: add --capture pcap or --capture nids",
    );
  }
}

/** Where lines go, and what stands in front of them. */
function checkLogging(
  options: Options,
  label: (name: OptionName) => string,
): void {
  if (options.given.has("output") && options.output.length === 0) {
    throw new Failure(
      `${
        label("output")
      } names no sink, so that no scan would be reported; name one of ${
        OPTIONS.output.choices.join(", ")
      }, or leave it out`,
    );
  }
  checkIdent(options.ident, label("ident"));
  const page = options.output.find((text) => text.startsWith("html:"));
  if (page !== undefined && options.read === undefined) {
    throw new Failure(
      `${
        label("output")
      } ${page} needs --read: a page is written once capture files are read`,
    );
  }
}

/** Linux lets no interface be called so; it would be waited for in vain. */
function checkInterfaces(options: Options, label: string): void {
  const isRaw = captureKind(options) === "raw";
  for (const text of options.interface) {
    const name = text.replace(/^!/, "");
    const isPossible = !isRaw || INTERFACE_NAME.test(name);
    if (name !== "" && isPossible) continue;
    throw new Failure(
      `${label} must be a name such as eth0, as "ip link" shows it, or a pattern such as eth*, got ${
        quote(text)
      }`,
    );
  }
}

/** dev_valid_name() of the kernel; a pattern can be longer. */
const INTERFACE_NAME = /^(?:[^\s/]{1,15}|[^\s/]*[*?][^\s/]*)$/;

/** Who reads a log finds the line behind the ident and a colon. */
function checkIdent(ident: string, label: string): void {
  if (isIdent(ident)) return;
  throw new Failure(
    `${label} must be 1 to ${MAX_IDENT} letters, digits, or any of ._/-, got ${
      quote(ident)
    }`,
  );
}

function checkNetworks(label: string, texts: readonly string[]): void {
  for (const text of texts) {
    try {
      parseNetwork(text);
    } catch {
      throw new Failure(
        `${label} must be an address or a network such as 192.0.2.0/24, got "${text}"`,
      );
    }
  }
}

/** Options of other rules, given on purpose, not by a shared file. */
function refuseWithClassic(options: Options): void {
  for (const name of ["home", "slow-window", "summary"] as const) {
    if (options.given.has(name) && !options.given.has("config")) {
      throw new Failure(`--${name} does not go with --classic`);
    }
  }
  const probes = options.output.find((text) => text.startsWith("probes"));
  if (probes !== undefined) {
    throw new Failure(
      `--output ${probes} does not go with --classic, which judges no probes`,
    );
  }
}

/** Whose scans are outgoing must be known, and what they draw be seen. */
function checkOutgoing(options: Options): void {
  if (options.classic) {
    throw new Failure("--outgoing does not go with --classic");
  }
  if (options.read !== undefined && options.home.length === 0) {
    throw new Failure(
      "--outgoing needs --home with --read: name the hosts whose scans are outgoing, such as --home 192.0.2.0/24",
    );
  }
  if (options.read === undefined && captureKind(options) === "nids") {
    throw new Failure(
      "--outgoing does not go with --capture nids, which sees only what comes; use --capture raw or pcap",
    );
  }
}

/** The running program knows what it was started with. */
function refuseWithReload({ given }: Options): void {
  for (const name of given) {
    if (OPTIONS_OF_RELOAD.has(name)) continue;
    throw new Failure(
      `--${name} does not go with --reload, which reads again what the running scanlogd was started with`,
    );
  }
}

const OPTIONS_OF_RELOAD: ReadonlySet<OptionName> = new Set([
  "reload",
  "control",
  "quiet",
  "verbose",
]);

/** Options that are about watching, given on purpose, not by a shared file. */
function refuseWithRead(options: Options): void {
  for (const name of ["interface", "capture", "promiscuous"] as const) {
    if (options.given.has(name) && !options.given.has("config")) {
      throw new Failure(`--${name} does not go with --read`);
    }
  }
  for (const name of ["daemon", "pid-file"] as const) {
    if (options.given.has(name)) {
      throw new Failure(`--${name} does not go with --read`);
    }
  }
}

/** Which capture the options mean. */
export function captureKind(options: Options): "raw" | "pcap" | "nids" {
  if (options.capture === "pcap" || options.capture === "nids") {
    return options.capture;
  }
  const isAuto = options.capture === "auto";
  return isAuto && Deno.build.os !== "linux" ? "pcap" : "raw";
}
