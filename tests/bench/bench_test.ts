import { assert, assertEquals, assertGreater } from "../assert.ts";
import { liveTest } from "../live/require.ts";

const BENCH = new URL("../../bench/main.ts", import.meta.url).pathname;

interface Report {
  packets: number;
  results: {
    family: string;
    name: string;
    packetsPerSecond: number;
    toReference: number;
    lines?: number;
  }[];
}

liveTest(
  "the bench measures us beside the reference, who logs as many lines",
  { tools: ["bash", "scanlogd", "gcc", "python3"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      const json = `${folder}/results/latest.json`;
      const { success, stdout, stderr } = await new Deno.Command(
        Deno.execPath(),
        {
          args: [
            ...["run", "--allow-all", BENCH, "--packets", "20000"],
            ...["--rounds", "1", "--json", json],
          ],
        },
      ).output();
      assert(success, new TextDecoder().decode(stderr));
      const table = new TextDecoder().decode(stdout).trimEnd().split("\n");
      assertEquals(table.length, 1 + 6);

      const report: Report = JSON.parse(await Deno.readTextFile(json));
      assertEquals(report.packets, 20_000);
      for (const { packetsPerSecond, toReference } of report.results) {
        assertGreater(packetsPerSecond, 0);
        assertGreater(toReference, 0);
      }
      const [ours, theirs] = ["scanlogd --read", "reference, replayed"].map(
        (wanted) =>
          report.results.find(({ family, name }) =>
            family === "steady" && name === wanted
          ),
      );
      assertGreater(ours?.lines ?? 0, 0);
      assertEquals(ours?.lines, theirs?.lines);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
