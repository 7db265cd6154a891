/** A unit test of thresholds of one's own, without any capture. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Detector,
  type DetectorOptions,
  type Report,
  Segment,
} from "@scanlogd/scanlogd";
import { TCP_SYN } from "@scanlogd/scanlogd/packet";

/** What is to be deployed: three ports within ten seconds, but not monitoring. */
const OPTIONS: DetectorOptions = {
  minPorts: 3,
  scanDelay: 10_000,
  slowWindow: 0, // slower scans are no business of this one
  ignore: ["192.0.2.99", "192.0.2.0/24=443"],
};

/** What is reported of SYNs of a source, a pause apart, in milliseconds. */
function reportsOf(
  ports: readonly number[],
  { source = "192.0.2.1", pause = 100 } = {},
): Report[] {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report), OPTIONS);
  ports.forEach((destinationPort, i) =>
    detector.segment(Segment.from({
      source,
      destination: "198.51.100.2",
      sourcePort: 40_000,
      destinationPort,
      flags: TCP_SYN,
      time: Date.UTC(2026, 0, 1) + i * pause,
    }))
  );
  detector.finish();
  return reports;
}

test("three privileged ports make a scan, two do not", () => {
  assert.equal(reportsOf([22, 23]).length, 0);
  const [report] = reportsOf([22, 23, 25]);
  assert.equal(report?.type, "scan");
  assert.deepEqual(report.ports, [22, 23]);
  assert.equal(report.completingPort, 25);
});

test("a pause of more than ten seconds parts two attempts", () => {
  assert.equal(reportsOf([22, 23, 25], { pause: 9_000 }).length, 1);
  assert.equal(reportsOf([22, 23, 25], { pause: 11_000 }).length, 0);
});

test("monitoring is not reported, nor is anybody at its port", () => {
  const ports = [22, 23, 25, 53, 80];
  assert.equal(reportsOf(ports, { source: "192.0.2.99" }).length, 0);
  assert.equal(reportsOf([22, 23, 443]).length, 0);
});
