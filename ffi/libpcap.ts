/**
 * libpcap, opened at run time. The only place that opens it.
 *
 * @module
 */

import { adviseOnPacketSocket } from "./capabilities.ts";
import { cString } from "./libc.ts";
import { openLibrary } from "./library.ts";

const SYMBOLS = {
  // pcap_t *pcap_create(const char *source, char *errbuf);
  pcap_create: { parameters: ["buffer", "buffer"], result: "pointer" },
  // int pcap_set_snaplen(pcap_t *p, int snaplen);
  pcap_set_snaplen: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_promisc(pcap_t *p, int promisc);
  pcap_set_promisc: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_timeout(pcap_t *p, int to_ms);
  pcap_set_timeout: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_immediate_mode(pcap_t *p, int immediate_mode);
  pcap_set_immediate_mode: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_buffer_size(pcap_t *p, int buffer_size);
  pcap_set_buffer_size: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_activate(pcap_t *p);
  pcap_activate: { parameters: ["pointer"], result: "i32" },
  // int pcap_setnonblock(pcap_t *p, int nonblock, char *errbuf);
  pcap_setnonblock: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  // int pcap_setdirection(pcap_t *p, pcap_direction_t d);
  pcap_setdirection: { parameters: ["pointer", "i32"], result: "i32" },
  // pcap_t *pcap_open_dead(int linktype, int snaplen);
  pcap_open_dead: { parameters: ["i32", "i32"], result: "pointer" },
  // int pcap_compile(pcap_t *p, struct bpf_program *fp, const char *str, int optimize, bpf_u_int32 netmask);
  pcap_compile: {
    parameters: ["pointer", "buffer", "buffer", "i32", "u32"],
    result: "i32",
  },
  // int pcap_setfilter(pcap_t *p, struct bpf_program *fp);
  pcap_setfilter: { parameters: ["pointer", "buffer"], result: "i32" },
  // void pcap_freecode(struct bpf_program *);
  pcap_freecode: { parameters: ["buffer"], result: "void" },
  // int pcap_offline_filter(const struct bpf_program *fp, const struct pcap_pkthdr *h, const u_char *pkt);
  pcap_offline_filter: {
    parameters: ["buffer", "buffer", "buffer"],
    result: "i32",
  },
  // int pcap_datalink(pcap_t *p);
  pcap_datalink: { parameters: ["pointer"], result: "i32" },
  // int pcap_get_selectable_fd(pcap_t *p);
  pcap_get_selectable_fd: { parameters: ["pointer"], result: "i32" },
  // int pcap_dispatch(pcap_t *p, int cnt, pcap_handler callback, u_char *user);
  pcap_dispatch: {
    parameters: ["pointer", "i32", "pointer", "pointer"],
    result: "i32",
  },
  // void pcap_dump(u_char *user, struct pcap_pkthdr *h, u_char *sp);
  pcap_dump: { type: "pointer" },
  // pcap_dumper_t *pcap_dump_fopen(pcap_t *p, FILE *fp);
  pcap_dump_fopen: { parameters: ["pointer", "pointer"], result: "pointer" },
  // int pcap_stats(pcap_t *p, struct pcap_stat *ps);
  pcap_stats: { parameters: ["pointer", "buffer"], result: "i32" },
  // char *pcap_geterr(pcap_t *p);
  pcap_geterr: { parameters: ["pointer"], result: "pointer" },
  // const char *pcap_statustostr(int error);
  pcap_statustostr: { parameters: ["i32"], result: "pointer" },
  // void pcap_close(pcap_t *p);
  pcap_close: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libpcap's functions. */
export type Libpcap = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** pcap/pcap.h: only packets that came in; only those that went out. */
export const PCAP_D_IN = 1;
export const PCAP_D_OUT = 2;
const PCAP_ERRBUF_SIZE = 256;
const PCAP_NETMASK_UNKNOWN = 0xffffffff;
const PCAP_ERROR_PERM_DENIED = -8;
const PCAP_ERROR_PROMISC_PERM_DENIED = -11;
/** struct bpf_program: u_int bf_len, struct bpf_insn *bf_insns. */
const BPF_PROGRAM = 16;

let opened: Libpcap | undefined;

/** Opens libpcap at its first use. */
export function libpcap(): Libpcap {
  return opened ??= openLibrary({
    names: Deno.build.os === "darwin"
      ? ["libpcap.A.dylib", "/usr/lib/libpcap.A.dylib"]
      : ["libpcap.so.1", "libpcap.so.0.8"],
    packages:
      "apt-get install libpcap0.8 (Debian, Ubuntu), dnf install libpcap (Fedora) or apk add libpcap (Alpine)",
  }, SYMBOLS).symbols;
}

/** A handle of libpcap. */
export type PcapHandle = Deno.PointerObject;

/** How a live handle is opened. */
export interface PcapOptions {
  /** The interface's name, or "any". */
  device: string;
  /** Bytes of each packet that are captured. */
  snapLength: number;
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** How long libpcap may collect packets, in milliseconds. */
  timeout: number;
  /** Hand on each packet at once, whatever the timeout. */
  isImmediate: boolean;
  /** The kernel's buffer in bytes. */
  bufferSize: number;
}

/**
 * Opens an interface, without blocking reads.
 *
 * @throws {Error} With libpcap's own message.
 */
export function openPcap(options: PcapOptions): PcapHandle {
  const lib = libpcap();
  const errors = new Uint8Array(PCAP_ERRBUF_SIZE);
  const handle = lib.pcap_create(cString(options.device), errors);
  if (handle === null) throw new Error(errorText(errors));
  lib.pcap_set_snaplen(handle, options.snapLength);
  lib.pcap_set_promisc(handle, options.promiscuous ? 1 : 0);
  lib.pcap_set_timeout(handle, options.timeout);
  lib.pcap_set_immediate_mode(handle, options.isImmediate ? 1 : 0);
  lib.pcap_set_buffer_size(handle, options.bufferSize);
  const status = lib.pcap_activate(handle);
  if (status < 0) {
    const text = describeStatus(handle, status);
    lib.pcap_close(handle);
    throw new Error(text);
  }
  if (lib.pcap_setnonblock(handle, 1, errors) < 0) {
    throw new Error(errorText(errors));
  }
  return handle;
}

function describeStatus(handle: PcapHandle, status: number): string {
  if (
    status === PCAP_ERROR_PERM_DENIED ||
    status === PCAP_ERROR_PROMISC_PERM_DENIED
  ) {
    return `permission denied: ${adviseOnPacketSocket()}`;
  }
  const status_ = cText(libpcap().pcap_statustostr(status));
  const detail = lastError(handle);
  if (detail === "" || status_.includes(detail)) return status_;
  return detail.includes(status_) ? detail : `${status_}: ${detail}`;
}

/** A device that does not tell incoming packets from those that this host sends. */
export class DirectionError extends Error {
  override name = "DirectionError";
}

/**
 * Limits a handle to what comes, or to what this host sends.
 *
 * @throws {DirectionError} If the device cannot do that. The handle is closed: if
 * it were read, everything would be taken for the one or the other.
 */
export function setDirection(handle: PcapHandle, direction: number): void {
  if (libpcap().pcap_setdirection(handle, direction) >= 0) return;
  const reason = lastError(handle);
  libpcap().pcap_close(handle);
  throw new DirectionError(
    `libpcap does not tell here what comes from what this host sends: ${reason}`,
  );
}

/** What libpcap says went wrong last. */
export function lastError(handle: PcapHandle): string {
  return cText(libpcap().pcap_geterr(handle));
}

function cText(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

function errorText(errors: Uint8Array): string {
  return new TextDecoder().decode(errors.subarray(0, errors.indexOf(0)));
}

/**
 * Compiles a tcpdump expression for a handle.
 *
 * @returns `struct bpf_program`, which the handle's owner frees.
 * @throws {SyntaxError} With libpcap's own message.
 */
export function compileFilter(
  handle: PcapHandle,
  expression: string,
): Uint8Array<ArrayBuffer> {
  const program = new Uint8Array(BPF_PROGRAM);
  const status = libpcap().pcap_compile(
    handle,
    program,
    cString(expression),
    1,
    PCAP_NETMASK_UNKNOWN,
  );
  if (status < 0) throw new SyntaxError(lastError(handle));
  return program;
}

/**
 * Lets the kernel filter by the user's expression within one of ours.
 *
 * @param further The user's expression.
 * @param within Puts it into ours.
 * @throws {Error} With libpcap's own message.
 */
export function setCheckedFilter(
  handle: PcapHandle,
  further: string | undefined,
  within: (further?: string) => string,
): void {
  // By itself first: a message about our own part would confuse, and
  // "x) or (y" must not get out of the parentheses.
  if (further !== undefined) {
    try {
      libpcap().pcap_freecode(compileFilter(handle, further));
    } catch (error) {
      throw new Error(
        `--filter: ${(error as Error).message}, in "${further}"`,
      );
    }
  }
  const program = compileFilter(handle, within(further));
  const status = libpcap().pcap_setfilter(handle, program);
  libpcap().pcap_freecode(program);
  if (status < 0) throw new Error(`pcap_setfilter: ${lastError(handle)}`);
}
