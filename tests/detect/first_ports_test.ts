/** The waiting room of the slow rule. */

import { FirstPorts } from "../../detect/first_ports.ts";
import { assert, assertEquals, assertGreater, assertLess } from "../assert.ts";
import { seeded } from "../random.ts";

const MAPPED = 0xffff;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const START = Date.UTC(2026, 0, 1, 6, 40, 13, 456);

/** The waiting room, with IPv4 sources by number. */
class Room {
  readonly first = new FirstPorts(seeded(1));

  take(source: number, time: number, port = 22): boolean {
    return this.first.take(0, 0, MAPPED, source, port, time);
  }
}

/** Sources that come once, evenly, and some that come before them. */
function afterFlood(rate: number, duration: number): number {
  const room = new Room();
  const before = 1_000;
  for (let i = 0; i < before; i++) room.take(i, START);
  const random = seeded(2);
  const count = rate * duration / SECOND;
  for (let i = 0; i < count; i++) {
    room.take(random() | 0x80000000, START + i * duration / count);
  }
  let known = 0;
  for (let i = 0; i < before; i++) {
    if (room.take(i, START + duration)) known++;
  }
  return known / before;
}

Deno.test("a source's first port is known, and how long ago it came", () => {
  for (const age of [0, 1, 3_300, 5 * MINUTE, DAY, 2 ** 32, 1_000 * DAY]) {
    const room = new Room();
    assert(!room.take(1, START, 443));
    assert(!room.take(2, START, 80));
    assert(room.take(1, START + age, 22));
    assertEquals(room.first.port, 443);
    // In the same second, to a sixteenth of it.
    assertLess(Math.abs(room.first.age - age), 62.5);
    const seen = START + age - room.first.age;
    assertEquals(Math.floor(seen / SECOND), Math.floor(START / SECOND));
  }
});

Deno.test("it takes 1 MiB", () => {
  assertEquals(new Room().first.byteLength, 2 ** 20);
});

Deno.test("if the clock went back, a source is new", () => {
  const room = new Room();
  room.take(1, START, 443);
  assert(!room.take(1, START - DAY, 22));
  assert(room.take(1, START - DAY + MINUTE));
  assertEquals(room.first.port, 22);
});

Deno.test("if the clock went back, a full room takes new sources", () => {
  const room = new Room();
  const random = seeded(2);
  for (let i = 0; i < 2 ** 20; i++) room.take(random() | 0, START);
  assert(!room.take(1, START - DAY));
  assert(room.take(1, START - DAY + MINUTE));
});

for (const rate of [100, 1_000, 10_000]) {
  Deno.test(`${rate} sources a second push out none that came 5 minutes ago`, () => {
    assertEquals(afterFlood(rate, 5 * MINUTE), 1);
  });
}

Deno.test("a flood of 1000 a second lets in a third of the new sources", () => {
  const room = new Room();
  const random = seeded(2);
  let known = 0;
  const count = 1_800;
  for (let second = 0; second < count; second++) {
    const time = START + second * SECOND;
    room.take(second, time);
    if (second >= 300 && room.take(second - 300, time)) known++;
    for (let i = 0; i < SECOND; i++) {
      room.take(random() | 0x80000000, time + i);
    }
  }
  assertGreater(known / (count - 300), 0.3);
});

Deno.test("what is old makes room", () => {
  const room = new Room();
  const random = seeded(2);
  for (let i = 0; i < 2 ** 20; i++) room.take(random() | 0x80000000, START);
  assert(!room.take(1, START + 5 * MINUTE), "all are young");
  assert(!room.take(1, START + 5 * MINUTE), "and stay");
  assert(!room.take(1, START + 7 * MINUTE));
  assert(room.take(1, START + 12 * MINUTE));
});
