/**
 * libnids, opened at run time. The only place that opens it.
 *
 * @module
 */

import { openLibrary } from "./library.ts";

const SYMBOLS = {
  // struct nids_prm nids_params;
  nids_params: { type: "pointer" },
  // struct pcap_pkthdr *nids_last_pcap_header;
  nids_last_pcap_header: { type: "pointer" },
  // char nids_errbuf[];
  nids_errbuf: { type: "pointer" },
  // int nids_init(void);
  nids_init: { parameters: [], result: "i32" },
  // void nids_register_ip(void (*));
  nids_register_ip: { parameters: ["function"], result: "void" },
  // void nids_register_chksum_ctl(struct nids_chksum_ctl *, int);
  nids_register_chksum_ctl: { parameters: ["buffer", "i32"], result: "void" },
  // int nids_getfd(void);
  nids_getfd: { parameters: [], result: "i32" },
  // int nids_dispatch(int cnt);
  nids_dispatch: { parameters: ["i32"], result: "i32" },
  // void nids_exit(void);
  nids_exit: { parameters: [], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libnids' functions. */
export type Libnids = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libnids | undefined;

/** Opens libnids at its first use. */
export function libnids(): Libnids {
  return opened ??= openLibrary({
    names: ["libnids.so.1.21", "libnids.so"],
    packages:
      "apt-get install libnids1.21 (Debian, Ubuntu) or dnf install libnids (Fedora)",
  }, SYMBOLS).symbols;
}

/** Offsets in struct nids_prm (nids.h) where pointers have 64 bits. */
export const NIDS_PARAMS = {
  n_tcp_streams: 0,
  syslog: 32,
  scan_num_hosts: 44,
  promisc: 80,
  multiproc: 92,
  pcap_desc: 104,
} as const;
/** Size of struct nids_prm. */
export const NIDS_PARAMS_SIZE = 120;
/** struct nids_chksum_ctl: netaddr, mask, action, reserved. */
export const NIDS_CHKSUM_CTL_SIZE = 16;
/** nids.h: do not verify checksums. */
export const NIDS_DONT_CHKSUM = 1;
