/**
 * Counters in the text format of Prometheus (version 0.0.4).
 *
 * @module
 */

/** What is measured. */
export interface Metrics {
  /** Packets looked at. */
  packets: number;
  /** Packets that the kernel dropped before they could be looked at. */
  dropped: number;
  /** Packets that were damaged. */
  damaged: number;
  /** Packets that were nested too deeply. */
  tooDeep: number;
  /** Scans found. */
  scans: number;
  /** Scans not reported because of the flood limit. */
  suppressed: number;
  /** Sources remembered at the moment. */
  sources: number;
  /** Hosts that probe records are read of. */
  hosts: number;
  /** Sources and datagrams forgotten early. */
  evicted: number;
  /** Lines that could not be written. */
  lost: number;
  /** When the program started, in milliseconds since 1970-01-01 UTC. */
  started: number;
}

/** Digits of the largest integer that a number holds exactly. */
const WIDTH = 16;

/** Name, type, help and value of each metric. */
const METRICS: readonly (readonly [
  name: string,
  type: "counter" | "gauge",
  help: string,
  value: (metrics: Metrics) => number,
])[] = [
  ["packets_total", "counter", "Packets looked at.", (m) => m.packets],
  [
    "dropped_total",
    "counter",
    "Packets dropped by the kernel before they were looked at.",
    (m) => m.dropped,
  ],
  ["damaged_total", "counter", "Packets that were damaged.", (m) => m.damaged],
  [
    "too_deep_total",
    "counter",
    "Packets that were nested too deeply.",
    (m) => m.tooDeep,
  ],
  ["scans_total", "counter", "Scans found.", (m) => m.scans],
  [
    "suppressed_total",
    "counter",
    "Scans not reported because of the flood limit.",
    (m) => m.suppressed,
  ],
  ["sources", "gauge", "Sources remembered.", (m) => m.sources],
  ["hosts", "gauge", "Hosts that probe records are read of.", (m) => m.hosts],
  [
    "evicted_total",
    "counter",
    "Sources and datagrams forgotten early.",
    (m) => m.evicted,
  ],
  [
    "lost_lines_total",
    "counter",
    "Lines that could not be written.",
    (m) => m.lost,
  ],
  [
    "start_time_seconds",
    "gauge",
    "When the program started, in seconds since 1970.",
    (m) => Math.floor(m.started / 1000),
  ],
];

/**
 * Writes all metrics. Each value has its place, whatever it is, and the length is
 * always the same: so a file of them can be written over in place, and who reads
 * it meanwhile finds old values or current ones, and nothing else.
 */
export function formatMetrics(metrics: Metrics): string {
  return METRICS.map(([name, type, help, value]) =>
    `# HELP scanlogd_${name} ${help}\n` +
    `# TYPE scanlogd_${name} ${type}\n` +
    `scanlogd_${name} ${`${value(metrics)}`.padStart(WIDTH)}\n`
  ).join("");
}
