/**
 * Traffic that is no scan although it looks like one to simple programs. The
 * table is for tests and for comparisons of programs.
 *
 * @module
 */

import { CALLS } from "./innocent_calls.ts";
import { CRASHES } from "./innocent_crashes.ts";
import { DNS } from "./innocent_dns.ts";
import { FTP } from "./innocent_ftp.ts";
import { PEERS } from "./innocent_peers.ts";
import { SERVICES } from "./innocent_services.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { WEB } from "./innocent_web.ts";

/** Innocent traffic of all kinds, the long ones first. */
export const INNOCENTS: readonly Innocent[] = [
  ...CALLS,
  ...PEERS,
  ...DNS,
  ...SERVICES,
  ...FTP,
  ...WEB,
  ...CRASHES,
];
