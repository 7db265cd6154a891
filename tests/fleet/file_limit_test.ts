/** A flood fills no disk: a file of probes grows to a length, and no further. */

import { FileSink } from "../../format/sink/file_sink.ts";
import { assertEquals } from "../assert.ts";

Deno.test("a file grows no longer than it may, until it is rotated", async () => {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const path = `${folder}/probes`;
    const told: string[] = [];
    const sink = new FileSink(
      path,
      "-o probes:",
      (text) => told.push(text),
      2 ** 10,
    );
    for (let i = 0; i < 100; i++) sink.write("x".repeat(99));
    assertEquals(Deno.statSync(path).size, 1000);
    assertEquals(sink.lost, 90);
    assertEquals(told.length, 1);
    await Deno.truncate(path);
    for (let i = 0; i < 5; i++) sink.write("y".repeat(99));
    assertEquals(Deno.statSync(path).size, 500);
    assertEquals(sink.lost, 90);
    assertEquals(told, [
      `${path}: has 1024 bytes, lines are lost until it is rotated`,
      `${path}: written to again`,
    ]);
    sink.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
