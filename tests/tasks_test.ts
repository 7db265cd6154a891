import { assert, assertEquals } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);

/** The files below a folder of the checkout whose names end so. */
function* filesBelow(folder: string, end: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* filesBelow(`${path}/`, end);
    else if (path.endsWith(end)) yield path;
  }
}

/** The command of a task in deno.json. */
function commandOf(task: string): string {
  const { tasks } = JSON.parse(
    Deno.readTextFileSync(new URL("deno.json", ROOT)),
  );
  return tasks[task].command;
}

Deno.test("the long tests are those that ask how long they may take", () => {
  const paths = commandOf("test:long").match(/tests\/\S+/g) ?? [];
  const asking = [...filesBelow("tests/", "_test.ts")].filter((file) =>
    /\bamount\(/.test(Deno.readTextFileSync(new URL(file, ROOT)))
  ).filter((file) => file !== "tests/tasks_test.ts");
  assert(asking.length > 3, asking.join(", "));
  const isListed = (file: string) =>
    paths.some((path) => file === path || file.startsWith(`${path}/`));
  assertEquals(asking.filter((file) => !isListed(file)), []);
  const isAsking = (path: string) =>
    asking.some((file) => file === path || file.startsWith(`${path}/`));
  assertEquals(paths.filter((path) => !isAsking(path)), []);
});

Deno.test("task scan downloads what the program imports, and nothing of the tests", async () => {
  const [, path] = /--lock=(\S+)/.exec(commandOf("scan"))!;
  const lock = JSON.parse(Deno.readTextFileSync(new URL(path, ROOT)));
  const all = JSON.parse(Deno.readTextFileSync(new URL("deno.lock", ROOT)));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `--lock=${path}`, "main.ts"],
    cwd: ROOT,
  }).output();
  assert(success);
  const { npmPackages } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(Object.keys(lock.npm), Object.keys(npmPackages).sort());
  assert(Object.keys(all.npm).length > Object.keys(lock.npm).length);
  for (const name of Object.keys(lock.npm)) {
    assertEquals(lock.npm[name], all.npm[name], name);
  }
});
