/**
 * What may import what: rooms in one direction, no circles, and nothing of a
 * platform in the pure rooms.
 */

import { assertEquals } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);
const FOLDERS = ["capture", "daemon", "detect", "ffi", "format", "library"];
const MAIN = ["main.ts", "mod.ts"];

/** The rooms of `detect/`, each of which imports only those before it. */
const ORDER = [
  /^detect\/(counters|hash|settings)\.ts$/,
  /^detect\/packet\//,
  /^detect\/table\//,
  /^detect\/probe\//,
  /^detect\/rules\//,
  /^detect\/report\//,
  /^detect\/(options|read_options)\.ts$/,
  /^detect\/(finder|outgoing)\//,
  /^detect\/[a-z_]+\.ts$/,
];

/** Rooms that run wherever JavaScript does, and what they may import. */
const PURE: Readonly<Record<string, RegExp>> = {
  "detect/": /^detect\//,
  "capture/savefile/": /^(capture\/savefile|detect)\//,
  "format/": /^(format|detect)\//,
  "library/": /^(library|format|detect|capture\/savefile)\//,
  "mod.ts": /^(library|format|detect|capture\/savefile)\//,
};
/** Files in these rooms that need a platform, and say so. */
const PLATFORM = /^(format\/sink\/|library\/web\.ts)/;

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

/** What a source imports or re-exports: paths from the root, or packages. */
function importsOf(path: string, text: string): string[] {
  const code = text.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, "");
  const statements = code.matchAll(
    /^(?:import|export)\b[^;]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm,
  );
  return [...statements].map(([, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic;
    if (!name.startsWith(".")) return name;
    return new URL(name, new URL(path, ROOT)).href.slice(ROOT.href.length);
  });
}

const graph = new Map<string, string[]>();
for (
  const path of [...MAIN, ...FOLDERS.flatMap((each) => [...sources(each)])]
) {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  graph.set(path, importsOf(path, text));
}

/** The first circle found in a graph, its first file twice; empty: none. */
function findCircle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const walk = (path: string): string[] => {
    const at = trail.indexOf(path);
    if (at >= 0) return [...trail.slice(at), path];
    if (done.has(path)) return [];
    trail.push(path);
    for (const next of edges.get(path) ?? []) {
      const circle = walk(next);
      if (circle.length > 0) return circle;
    }
    trail.pop();
    done.add(path);
    return [];
  };
  for (const path of edges.keys()) {
    const circle = walk(path);
    if (circle.length > 0) return circle;
  }
  return [];
}

/** Imports of `detect/` that run against the order of its rooms. */
function backward(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const rank = (path: string) => ORDER.findIndex((room) => room.test(path));
  const found: string[] = [];
  for (const [path, imports] of edges) {
    if (!path.startsWith("detect/")) continue;
    for (const each of imports) {
      if (rank(each) > rank(path)) found.push(`${path} imports ${each}`);
    }
  }
  return found;
}

/** Imports by which a pure room reaches beyond what it may. */
function impure(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  for (const [path, imports] of edges) {
    const room = Object.keys(PURE).find((each) => path.startsWith(each));
    if (room === undefined || PLATFORM.test(path)) continue;
    for (const each of imports) {
      const isAllowed = PURE[room].test(each) && !PLATFORM.test(each);
      if (!isAllowed) found.push(`${path} imports ${each}`);
    }
  }
  return found;
}

Deno.test("imports are read as they are written", () => {
  const text = [
    'import { a } from "./a.ts";',
    "import {",
    "  b,",
    '} from "../daemon/b.ts";',
    'export * from "./c.ts";',
    'import "node:process";',
    '// import { d } from "./d.ts";',
    'const e = await import("./e.ts");',
  ].join("\n");
  assertEquals(importsOf("detect/x.ts", text), [
    "detect/a.ts",
    "daemon/b.ts",
    "detect/c.ts",
    "node:process",
    "detect/e.ts",
  ]);
});

Deno.test("whatever is imported is there", () => {
  const missing = [...graph.values()].flat()
    .filter((each) => each.endsWith(".ts") && !each.startsWith("packaging/"))
    .filter((each) => !graph.has(each));
  assertEquals(missing, []);
});

Deno.test("no two files import each other, however far around", () => {
  assertEquals(findCircle(graph), []);
  const bent = new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]]);
  assertEquals(findCircle(bent), ["b", "c", "b"]);
});

Deno.test("the rooms of detect/ import in one direction, and nothing else", () => {
  assertEquals(backward(graph), []);
  assertEquals(
    backward(new Map([["detect/table/x.ts", ["detect/probe/y.ts"]]])),
    ["detect/table/x.ts imports detect/probe/y.ts"],
  );
});

Deno.test("each file of detect/ has its place in the order", () => {
  const homeless = [...graph.keys()].filter((path) =>
    path.startsWith("detect/") && !ORDER.some((room) => room.test(path))
  );
  assertEquals(homeless, []);
});

Deno.test("pure rooms import no package and no platform", () => {
  assertEquals(impure(graph), []);
  assertEquals(
    impure(new Map([["format/x.ts", ["node:fs", "format/sink/y.ts"]]])),
    ["format/x.ts imports node:fs", "format/x.ts imports format/sink/y.ts"],
  );
});
