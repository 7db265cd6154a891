/**
 * What is not to be reported, from options and from files.
 *
 * @module
 */

import { parseNetwork } from "../detect/packet/address.ts";
import { IgnoreRules } from "../detect/probe/ignore_rules.ts";
import { Failure, quote } from "./failure.ts";
import type { Options } from "./options.ts";
import { readTextFile } from "./text_file.ts";

/** The options that say it. */
export type IgnoreOptions = Pick<
  Options,
  "ignore" | "ignore-ports" | "ignore-file"
>;

/**
 * Reads the files that the options name.
 *
 * @throws {Failure} If one cannot be read, or a line of it.
 */
export function readIgnored(options: IgnoreOptions): string[] {
  const lists = options["ignore-file"] ?? [];
  return [...options.ignore, ...lists.flatMap(readList)];
}

function readList(path: string): string[] {
  const lines = readTextFile("--ignore-file", path).split("\n")
    .map((line) => line.replace(/#.*/, "").trim());
  const texts = lines.filter((text) => text !== "");
  try {
    IgnoreRules.from(texts);
  } catch {
    for (const [i, text] of lines.entries()) {
      if (text === "") continue;
      checkIgnored(`--ignore-file: ${path}, line ${i + 1}: this`, text);
    }
  }
  return texts;
}

/**
 * Checks one `CIDR[=PORTS]`.
 *
 * @param label How the message calls it.
 * @throws {Failure} If it is none.
 */
export function checkIgnored(label: string, text: string): void {
  const [network, ...ports] = text.split("=");
  try {
    parseNetwork(network);
  } catch {
    throw new Failure(
      `${label} must be an address or a network such as 192.0.2.0/24, got ${
        quote(network)
      }${
        network.includes(",")
          ? "; put each into a string or on a line of its own"
          : ""
      }`,
    );
  }
  if (ports.length > 0) checkPorts(label, ports.join("="));
}

/**
 * Checks some PORTS.
 *
 * @throws {Failure} If they are none.
 */
export function checkPorts(label: string, text: string): void {
  try {
    IgnoreRules.from([], [text]);
  } catch {
    throw new Failure(
      `${label} must have ports such as 53, 6000-6100, udp/123, or several with + between them, got ${
        quote(text)
      }`,
    );
  }
}
