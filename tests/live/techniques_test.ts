/**
 * Every technique is tried with the tools that people scan with, on hosts with
 * every defence: what is found, how soon, and what no watcher could find.
 */

import { assert, assertEquals, assertMatch } from "../assert.ts";
import { liveTest } from "./require.ts";
import { TARGET_TOOLS } from "./target_host.ts";
import {
  hasReference,
  isHidden,
  limited,
  type Plan,
  plans,
  planTitle,
  type Trial,
  tryTechnique,
} from "./technique_trial.ts";
import {
  expectedLine,
  type Target,
  TECHNIQUE_TOOLS,
  techniques,
  titleOf,
} from "./techniques.ts";

/** Most of the time goes into waiting. */
const AT_A_TIME = 8;
/** For trying some by their names: part of a step's name. */
const ONLY = Deno.env.get("SCANLOGD_TECHNIQUE") ?? "";

function assertFound({ line, expected, technique, output }: Trial): void {
  assert(
    line !== undefined,
    `no line within ${technique.patience} s\n${output}`,
  );
  assertMatch(line, expected, output);
}

function assertHidden({ line, afterwards, output }: Trial): void {
  assertEquals(line, undefined, output);
  assert(afterwards !== undefined, `no line about any scan\n${output}`);
}

function assertReference(trial: Trial): void {
  const { reference } = trial.technique;
  if (!hasReference(trial) || reference === undefined) return;
  assertEquals(
    trial.referenceLine !== undefined,
    reference,
    `the reference: ${trial.referenceLine}\n${trial.output}`,
  );
}

/** One line about a trial. */
function summary(trial: Trial): string {
  const reference = hasReference(trial)
    ? `; the reference: ${trial.referenceLine ?? "nothing"}`
    : "";
  const line = trial.line ?? "nothing";
  return `  ${planTitle(trial)}: ${
    trial.seconds.toFixed(1)
  } s: ${line}${reference}`;
}

liveTest(
  "every scan technique is found, unless nothing on the wire tells it",
  { root: true, tools: [...TARGET_TOOLS, ...TECHNIQUE_TOOLS, "scanlogd"] },
  async (t) => {
    const chosen = plans().filter((plan) => planTitle(plan).includes(ONLY));
    const trials = limited(
      AT_A_TIME,
      chosen.map((plan: Plan) => () => tryTechnique(plan)),
    );
    const summaries: string[] = [];
    for (const [i, plan] of chosen.entries()) {
      const verdict = isHidden(plan) ? "unseen" : "found";
      await t.step(`${planTitle(plan)}: ${verdict}`, async () => {
        const trial = await trials[i];
        if (trial.status === "rejected") throw trial.reason;
        summaries.push(summary(trial.value));
        if (isHidden(plan)) assertHidden(trial.value);
        else assertFound(trial.value);
        assertReference(trial.value);
      });
    }
    console.log(summaries.join("\n"));
  },
);

const TARGET: Target = {
  address: "10.77.0.2",
  network: "10.78.0.0/24",
  hardwareAddress: "02:00:00:00:00:01",
  scanner: "10.77.0.1",
  interface: "eth0",
};

function expected(name: string): RegExp {
  const technique = techniques.find((each) => each.name === name);
  assert(technique !== undefined, name);
  return expectedLine(technique, TARGET);
}

function assertNotMatch(line: string, pattern: RegExp): void {
  assert(!pattern.test(line), `${line} matches ${pattern}`);
}

Deno.test("a technique's line names scanner, target, protocol and flags", () => {
  const syn = expected("nmap -sS");
  const line =
    "10.77.0.1:4711 to 10.77.0.2 ports 22, 23, ..., fSrpauxy, TOS 00 @06:40:13";
  assertMatch(line, syn);
  assertMatch(line.replace(":4711", ""), syn);
  assertMatch(line.replace("Srp", "?rp"), syn);
  for (
    const [right, wrong] of [
      ["10.77.0.1", "10.77.0.11"],
      ["10.77.0.1", "31 sources in lockstep, likely 10.77.0.1,"],
      ["10.77.0.2", "10.77.0.20"],
      ["fSrp", "fsrp"],
      ["fSrpauxy", "udp"],
    ]
  ) {
    assertNotMatch(line.replace(right, wrong), syn);
  }
  assertMatch(line.replace("fSrpauxy", "udp"), expected("nmap -sU"));
});

Deno.test("a sweep's line names the port and other destinations", () => {
  const sweep = expected("zmap -p 445 NETWORK/24");
  const line =
    "10.77.0.1 to 10.78.0.9 and others, ports 445, ..., fSrpauxy @06:40:13";
  assertMatch(line, sweep);
  assertNotMatch(line.replace(" and others,", ""), sweep);
  assertNotMatch(line.replace("445", "446"), sweep);
});

Deno.test("a line about decoys names the scanner or nobody", () => {
  const line =
    "31 sources in lockstep, likely 10.77.0.1, to 10.77.0.2 ports 22, 23, " +
    "..., fSrpauxy @06:40:13";
  const unsure = line.replace(", likely 10.77.0.1,", "");
  const mistaken = line.replace("10.77.0.1", "192.0.2.9");
  const decoys = "nmap -sS -D RND:30";
  assertMatch(line, expected(decoys));
  assertMatch(unsure, expected(decoys));
  assertNotMatch(mistaken, expected(decoys));
});

Deno.test("every technique has a name and a command of its own", () => {
  const titles = techniques.flatMap((technique) =>
    technique.families.map((family) => titleOf(technique, family))
  );
  assertEquals(new Set(titles).size, titles.length);
  const commands = techniques.map(({ command }) => command(TARGET).join(" "));
  assertEquals(new Set(commands).size, commands.length);
});
