/** Sources that may share the work go to one reader, as centre.conf cuts streams. */

import { formatProbe } from "../../format/probe.ts";
import { assert, assertEquals } from "../assert.ts";
import { START } from "../packets.ts";
import { Folder } from "./daemon.ts";
import { eventually, Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const RECIPE = new URL(
  "../../packaging/fleet/centre.conf",
  import.meta.url,
);
const NEEDS = {
  tools: ["rsyslogd"],
  files: ["/usr/lib/x86_64-linux-gnu/rsyslog/fmhash.so"],
};

/** Sources of a network each. */
const NETWORKS = [
  ["192.0.2.1", "192.0.2.254"],
  ["192.0.20.1", "192.0.20.2"],
  ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:77::1"],
  ["2600::1", "2600:0:0:1::1", "2600:0:0:1:2:3:4:5", "2600:0:5::1"],
];

/** The recipe, but records come from a file, and their networks go into one. */
function changed(text: string, folder: string): string {
  const changes: [RegExp, string][] = [
    [/^module\(load="(imrelp|omhiredis)".*$/gm, ""],
    [
      /^input\([^)]*\)$/m,
      `module(load="imfile")
      input(type="imfile" file="${folder}/in" tag="probes:"
            ruleset="scanlogd-fleet")
      template(name="out" type="string" string="%$.net% %$.part%\\n")`,
    ],
    [
      /^ {2}action\([^)]*\)$/m,
      `action(type="omfile" file="${folder}/out" template="out")`,
    ],
  ];
  for (const [from, to] of changes) {
    assert(from.test(text), `${from}`);
    text = text.replace(from, to);
  }
  return `global(workDirectory="${folder}")\n${text}`;
}

liveTest("all sources of a network go to one reader", NEEDS, async () => {
  await using folder = await Folder.create();
  const { path } = folder;
  const lines = NETWORKS.flat().map((source) =>
    formatProbe({
      ...{ time: START, source, destinationPort: 22, outcome: "silent" },
      destination: source.includes(":") ? "2001:db8:1::1" : "198.18.0.1",
      ...{ protocol: "udp", sourcePort: 40_000 },
    }, "web1") + "\n"
  );
  await Deno.writeTextFile(`${path}/in`, lines.join(""));
  const recipe = changed(await Deno.readTextFile(RECIPE), path);
  await Deno.writeTextFile(`${path}/rsyslog.conf`, recipe);
  await using process = new Process([
    ...["rsyslogd", "-n", "-f", `${path}/rsyslog.conf`, "-i", `${path}/pid`],
  ]);
  let out: string[] = [];
  await eventually(
    () => {
      try {
        out = Deno.readTextFileSync(`${path}/out`).trim().split("\n");
      } catch {
        // Not yet.
      }
      return out.length === lines.length;
    },
    () => `${out.join("\n")}\n${process.stderr.join("\n")}`,
  );
  for (const network of NETWORKS) {
    assertEquals(new Set(out.splice(0, network.length)).size, 1, network[0]);
  }
});
