/** Counters for Prometheus. */

import { formatMetrics, type Metrics } from "../../format/metrics.ts";
import { assert, assertEquals } from "../assert.ts";

const ZERO: Metrics = {
  packets: 0,
  dropped: 0,
  damaged: 0,
  tooDeep: 0,
  scans: 0,
  suppressed: 0,
  sources: 0,
  hosts: 0,
  evicted: 0,
  lost: 0,
  started: 0,
};

function all(value: number): Metrics {
  return Object.fromEntries(
    Object.keys(ZERO).map((name) => [name, value]),
  ) as unknown as Metrics;
}

Deno.test("each metric has its help, its type and its value", () => {
  const metrics = { ...ZERO, packets: 1500, sources: 12, started: 1_999_999 };
  const text = formatMetrics(metrics);
  const values = new Map<string, number>();
  for (const block of text.split("# HELP ").slice(1)) {
    const [help, type, value] = block.trimEnd().split("\n");
    const [name] = help.split(" ");
    assertEquals(
      type,
      `# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}`,
    );
    assert(value.startsWith(`${name} `), value);
    values.set(name, Number(value.slice(name.length)));
  }
  assertEquals(values.size, Object.keys(ZERO).length);
  assertEquals(values.get("scanlogd_packets_total"), 1500);
  assertEquals(values.get("scanlogd_sources"), 12);
  assertEquals(values.get("scanlogd_start_time_seconds"), 1999);
  for (const name of ["dropped", "scans", "suppressed", "evicted"]) {
    assertEquals(values.get(`scanlogd_${name}_total`), 0);
  }
});

Deno.test("whatever the values, each has its place", () => {
  const zero = formatMetrics(ZERO);
  for (const value of [1, 99_999, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const text = formatMetrics(all(value));
    assertEquals(text.length, zero.length);
    assertEquals(text.replaceAll(/\d(?=[\d ]*\n)/g, " ").length, zero.length);
    assertEquals(
      [...text.matchAll(/\n/g)].map(({ index }) => index),
      [...zero.matchAll(/\n/g)].map(({ index }) => index),
    );
  }
  // A page of memory: so much is copied at once.
  assert(zero.length < 4096);
});
