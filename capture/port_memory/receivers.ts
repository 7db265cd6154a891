/**
 * UDP ports with sockets that wait for whoever sends to them: those of syslog or
 * of flow collectors never send themselves. The kernel lists them in /proc.
 *
 * @module
 */

import { KeptFile } from "../../ffi/kept_file.ts";
import {
  RECEIVES,
  RECEIVES_ON_LOOPBACK,
} from "../../detect/probe/port_memory.ts";

const FILES = ["/proc/net/udp", "/proc/net/udp6"];
/** Some 20,000 sockets: who has more has not all of them read. */
const LONGEST_FILE = 1 << 21;
/** net/tcp_states.h: TCP_CLOSE stands for a socket without a peer. */
const UNCONNECTED = "07";

/**
 * `sl local_address rem_address st ...`, addresses in hexadecimal as the machine
 * reads them, in words of 32 bits (proc(5)).
 */
const SOCKET =
  /^ *\d+: ([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4}) [\dA-F]+:[\dA-F]{4} ([\dA-F]{2}) /gm;
/** Little-endian words: 127.x.x.x, ::1, and ::ffff:127.x.x.x. */
const LOOPBACK = /^(?:[\dA-F]{6}7F|0{24}01000000|0{16}FFFF0000[\dA-F]{6}7F)$/;

/** Reads the lists of sockets, from files that were opened before. */
export class UdpReceivers {
  readonly #files: readonly KeptFile[];

  /** Opens what there is: where IPv6 is switched off, one file is missing. */
  constructor() {
    this.#files = FILES.flatMap((path) => KeptFile.open(path) ?? []);
  }

  /**
   * Writes into an array what {@linkcode findReceivers} finds.
   *
   * @param seconds The time, on the packets' clock.
   */
  read(receivers: Uint32Array, seconds: number): void {
    const found = new Uint8Array(receivers.length / 2);
    for (const file of this.#files) {
      findReceivers(file.read(LONGEST_FILE), found);
    }
    noteReceivers(receivers, found, seconds);
  }

  /** Closes the files. */
  close(): void {
    for (const file of this.#files) file.close();
  }
}

/**
 * Writes what was found into an array. A port that receives from outside is a
 * service's if it did so when one looked before: a client's sockets are gone.
 */
export function noteReceivers(
  receivers: Uint32Array,
  found: Uint8Array,
  seconds: number,
): void {
  for (const [port, bits] of found.entries()) {
    const isService = (bits & receivers[2 * port] & RECEIVES) !== 0;
    if (isService) receivers[2 * port + 1] = seconds;
    // What stays is not touched: the kernel looks at it meanwhile.
    if (receivers[2 * port] !== bits) receivers[2 * port] = bits;
  }
}

/**
 * Marks each port of sockets without a peer with RECEIVES and
 * RECEIVES_ON_LOOPBACK, or with the latter alone if it is bound there.
 */
export function findReceivers(text: string, found: Uint8Array): void {
  for (const [, address, port, state] of text.matchAll(SOCKET)) {
    if (state !== UNCONNECTED) continue;
    found[parseInt(port, 16)] |= LOOPBACK.test(address)
      ? RECEIVES_ON_LOOPBACK
      : RECEIVES | RECEIVES_ON_LOOPBACK;
  }
}
