/**
 * What the detector reports.
 *
 * @module
 */

/**
 * Which rule found a scan: `classic` by what came in, `refusals` by what the
 * host refused, `unsolicited` by segments with ACK of no connection, `udp`,
 * `sctp`, `slow` over {@linkcode
 * DetectorOptions.slowWindow}, `sweep` by one port of many hosts.
 */
export type Rule =
  | "classic"
  | "refusals"
  | "unsolicited"
  | "udp"
  | "sctp"
  | "ip"
  | "slow"
  | "sweep";

/** The protocol of a scan's probes; `ip`: the probed ports are IP protocols. */
export type Protocol = "tcp" | "udp" | "sctp" | "ip";

/**
 * How sure it is that a source is no forgery. A `verified` one knew our
 * SYN-ACK's sequence number; an `answered` one sent a bare RST with the right
 * number, which a forger may do too.
 */
export type Standing = "seen" | "answered" | "verified";

/** A port scan. */
export interface Scan {
  /** Tells it from the other reports. */
  type: "scan";
  /** Which rule found it. */
  rule: Rule;
  /** The probes' protocol. */
  protocol: Protocol;
  /** Whether the source is known not to be forged. */
  verified: boolean;
  /** Set if this host, or one of `home`, scans others. */
  direction?: "outgoing";
  /**
   * The source's address; a network in CIDR notation if an IPv6 source changed
   * its address inside its prefix.
   */
  source: string;
  /** The source port, if it stayed the same. */
  sourcePort?: number | undefined;
  /** The destination of the source's first packet. */
  destination: string;
  /** Whether there were other destinations. */
  otherDestinations: boolean;
  /** The ports in the order seen, without the one that completed the scan. */
  ports: number[];
  /** The port that completed the scan. */
  completingPort: number;
  /** Targets probed: pairs of an address and a port; left out if not counted. */
  targets?: number;
  /** Hosts probed; left out if not counted. */
  hosts?: number;
  /** TCP flags that were set in every counted packet; 0 for UDP and SCTP. */
  flagsAlwaysSet: number;
  /**
   * TCP flags that were set, or may have been, in at least one counted packet; 0
   * for UDP and SCTP.
   */
  flagsEverSet: number;
  /** Type of service or traffic class, if it stayed the same. */
  tos?: number | undefined;
  /** Time to live or hop limit, if it stayed the same. */
  ttl?: number | undefined;
  /** The first packet's wall time: milliseconds since 1970-01-01 UTC. */
  firstSeen: number;
  /** The completing packet's wall time: milliseconds since 1970-01-01 UTC. */
  completed: number;
  /** The number of the completing packet's interface, if it is known. */
  interfaceIndex?: number;
}

/** More scans than `logBurst` came in a row: the following are not reported. */
export interface Flood {
  /** Tells it from the other reports. */
  type: "flood";
  /** The wall time of the scan that was one too many, in milliseconds. */
  completed: number;
}

/** Sources that probed in lockstep: all but one of them are decoys. */
export interface Decoys {
  /** Tells it from the other reports. */
  type: "decoys";
  /**
   * How many sources have sent any of the probes, as far as is remembered, and had
   * not all of theirs answered.
   */
  sources: number;
  /** The first of them, at most 128. */
  names: string[];
  /** The only one that is verified, if there is one. */
  likely?: string;
  /** The scan, as the first source that completed it made it. */
  scan: Scan;
  /** When it was told: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** Sources of one network that scanned together, none of them enough by itself. */
export interface SharedOut {
  /** Tells it from the other reports. */
  type: "shared";
  /** The network, in CIDR notation. */
  network: string;
  /** How many sources. */
  sources: number;
  /** The scan that they made together. */
  scan: Scan;
  /** When it was told: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** A source whose scan the flood limit kept from being told. */
export interface UnloggedSource {
  /** Its address, as in {@linkcode Scan.source}. */
  source: string;
  /** How sure it is that it is no forgery. */
  standing: Standing;
  /** Packets seen of it since. */
  packets: number;
}

/** What the flood limit has kept back, told when it ends and each minute. */
export interface Unlogged {
  /** Tells it from the other reports. */
  type: "unlogged";
  /** As in {@linkcode Scan.direction}. */
  direction?: "outgoing";
  /** Scans that were not reported. */
  scans: number;
  /** Of how many sources. */
  sources: number;
  /** The first of these: verified ones, answered ones, then by packets. */
  names: UnloggedSource[];
  /** When it was told: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** A reported scan has ended. */
export interface ScanEnd {
  /** Tells it from the other reports. */
  type: "end";
  /** As in {@linkcode Scan.direction}. */
  direction?: "outgoing";
  /** Its source, as in {@linkcode Scan.source}. */
  source: string;
  /** The destination of the source's first packet. */
  destination: string;
  /** Whether there were other destinations. */
  otherDestinations: boolean;
  /** The probes' protocol. */
  protocol: Protocol;
  /** From its first to its last packet, in milliseconds. */
  duration: number;
  /** Packets and refusals that were counted. */
  packets: number;
  /** Distinct ports among them. */
  ports: number;
  /** Probed ports that answered as open, in ascending order, at most 64. */
  openPorts: number[];
  /** Whether the source is known not to be forged. */
  verified: boolean;
  /** The first packet's wall time: milliseconds since 1970-01-01 UTC. */
  firstSeen: number;
  /** The last packet's wall time: milliseconds since 1970-01-01 UTC. */
  completed: number;
}

/** What a detector reports. */
export type Report = Scan | Decoys | SharedOut | Flood | Unlogged | ScanEnd;

/** Takes reports. */
export type ReportHandler = (report: Report) => void;
