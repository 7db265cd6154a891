/**
 * Decodes and judges a trace that is in memory already, and prints how many
 * seconds of processor time it took: no file is read meanwhile, no line
 * written.
 *
 *     deno run --allow-read bench/in_memory.ts TRACE [--classic]
 *
 * @module
 */

import process from "node:process";
import { Detector } from "../mod.ts";
import { SavefileReader } from "../library/savefile.ts";

function pass(file: Uint8Array, classic: boolean): number {
  const detector = new Detector(() => {}, { classic });
  const reader = new SavefileReader((packet) => detector.packet(packet));
  const before = process.cpuUsage();
  reader.push(file);
  reader.end();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

if (import.meta.main) {
  const [path, ...options] = Deno.args;
  const file = Deno.readFileSync(path);
  const classic = options.includes("--classic");
  pass(file, classic); // The compiler has seen everything afterwards.
  console.log(pass(file, classic));
}
