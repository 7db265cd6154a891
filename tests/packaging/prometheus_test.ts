import { formatMetrics } from "../../format/metrics.ts";
import { assert, assertEquals } from "../assert.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const RULES = `${ROOT}packaging/prometheus/scanlogd.rules.yml`;
const TRIALS = `${ROOT}tests/packaging/prometheus/rules_test.yml`;

liveTest(
  "each alert fires when it should, and only then",
  { tools: ["promtool"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      await Deno.copyFile(RULES, `${folder}/scanlogd.rules.yml`);
      await Deno.copyFile(TRIALS, `${folder}/rules_test.yml`);
      await run(["promtool", "check", "rules", RULES]);
      await run(["promtool", "test", "rules", `${folder}/rules_test.yml`]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("the alerts ask for counters that there are, and are all tried", () => {
  const rules = Deno.readTextFileSync(RULES);
  const text = formatMetrics({
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
  });
  const known = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
  const asked = rules.match(/\bscanlogd_\w+/g) ?? [];
  assert(asked.length > 3);
  assertEquals(asked.filter((name) => !known.includes(name)), []);
  const trials = Deno.readTextFileSync(TRIALS);
  const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name);
  assertEquals(alerts.filter((name) => !trials.includes(name)), []);
});
