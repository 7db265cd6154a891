/**
 * Whether this host forwards packets: then whoever answers at one of its ports
 * may be another, behind address translation, and further away.
 *
 * @module
 */

import { KeptFile } from "../ffi/kept_file.ts";

/** Docker and others switch it on when they start, which may be after us. */
const FILES = [
  "/proc/sys/net/ipv4/ip_forward",
  "/proc/sys/net/ipv6/conf/all/forwarding",
];
const REFRESH_MS = 10_000;

/** Reads it now and then, from files that are opened before the sandbox. */
export class Forwarding {
  /** Whether the host forwards, as of the last look. */
  isOn = false;
  readonly #files: readonly KeptFile[];

  /** Opens what there is, and looks. */
  constructor() {
    this.#files = Deno.build.os === "linux"
      ? FILES.flatMap((path) => KeptFile.open(path) ?? [])
      : [];
    this.refresh();
  }

  /** Looks again. */
  refresh(): void {
    this.isOn = this.#files.some((file) => !/^0?$/.test(file.read().trim()));
  }

  /** Looks again every ten seconds, while anything else keeps the process. */
  keepUp(): void {
    Deno.unrefTimer(setInterval(() => this.refresh(), REFRESH_MS));
  }
}
