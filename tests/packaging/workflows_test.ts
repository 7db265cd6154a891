import { assert, assertEquals } from "../assert.ts";

const FOLDER = new URL("../../.github/workflows/", import.meta.url);

const WORKFLOWS = [...Deno.readDirSync(FOLDER)].map(({ name }) => ({
  name,
  text: Deno.readTextFileSync(new URL(name, FOLDER)),
}));

/** The jobs of a workflow, by their names. */
function jobsOf(text: string): Map<string, string> {
  const [, jobs] = text.split(/^jobs:$/m);
  const parts = jobs.split(/^ {2}([\w-]+):$/m);
  const found = new Map<string, string>();
  for (let i = 1; i < parts.length; i += 2) found.set(parts[i], parts[i + 1]);
  return found;
}

Deno.test("each action is named by its commit, and says which version that is", () => {
  const uses = WORKFLOWS.flatMap(({ text }) =>
    [...text.matchAll(/\buses: (.*)$/gm)].map(([, action]) => action)
  );
  assert(uses.length > 8);
  assertEquals(
    uses.filter((action) =>
      action !== "./.github/workflows/ci.yml" &&
      !/^[\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/.test(action)
    ),
    [],
  );
});

Deno.test("each job ends in time, and has no more rights than it needs", () => {
  for (const { name, text } of WORKFLOWS) {
    assert(/^permissions:\n {2}contents: read\n/m.test(text), name);
    assert(/^concurrency:$/m.test(text), name);
    const jobs = jobsOf(text);
    assert(jobs.size > 1, name);
    for (const [job, body] of jobs) {
      const isLimited = /^ {4}timeout-minutes: \d+$/m.test(body) ||
        /^ {4}uses: /m.test(body);
      assert(isLimited, `${name}: ${job}`);
    }
    // No later step could push with them.
    const checkouts = text.split("actions/checkout@").length - 1;
    const without = text.split("persist-credentials: false").length - 1;
    assertEquals(without, checkouts, name);
  }
});

Deno.test("a release stays a draft until the library is published", () => {
  const { text } = WORKFLOWS.find(({ name }) => name === "release.yml")!;
  const jobs = jobsOf(text);
  assert(jobs.get("attach")!.includes("--draft\n"));
  const publish = jobs.get("publish")!;
  const steps = [
    "publish --dry-run\n",
    "publish\n",
    "--draft=false",
  ].map((step) => publish.indexOf(step));
  assert(steps[0] > 0);
  assertEquals(steps, steps.toSorted((one, other) => one - other));
});
