import { DueQueue } from "../../../detect/table/due_queue.ts";
import { assertEquals } from "../../assert.ts";
import { seeded } from "../../random.ts";

/** Times in microseconds, before those from which on numbers are less exact. */
function* times(count: number, before: number): Generator<number> {
  const random = seeded(1);
  for (let i = 0; i < count; i++) {
    const power = 2 ** (14 + random() % 27);
    yield (power * 1000 - random() % (before * 1000)) / 1000;
  }
}

for (const delay of [5, 250, 3000]) {
  Deno.test(`what is put in does not come out before ${delay} ms are over`, () => {
    for (const time of times(10_000, delay)) {
      const queue = new DueQueue(16, delay);
      queue.add(3, time);
      assertEquals(queue.take(time), -1, `${time}`);
      assertEquals(queue.take(queue.due), 3);
      assertEquals(queue.due, Infinity);
    }
  });
}

Deno.test("nothing stays longer than the delay, whatever is asked", () => {
  const queue = new DueQueue(16, 3000);
  queue.add(3, 1000, 50_000);
  assertEquals(queue.due, 4000);
});

Deno.test("a clock that went back holds nothing for longer", () => {
  const queue = new DueQueue(16, 3000);
  queue.add(3, 1_000_000);
  assertEquals(queue.take(500_000), 3);
});

Deno.test("a record that waits already is not put in again", () => {
  const queue = new DueQueue(16, 3000);
  queue.add(3, 1000);
  queue.add(3, 2000);
  assertEquals([queue.take(9000), queue.take(9000)], [3, -1]);
});
