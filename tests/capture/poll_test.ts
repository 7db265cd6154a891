import { CaptureClock } from "../../capture/clock.ts";
import { PollSet } from "../../capture/poll.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";

/** Waits, and tells how long it took. */
async function timed(waiting: Promise<void>): Promise<number> {
  const start = performance.now();
  await waiting;
  return performance.now() - start;
}

const needsPoll = { ignore: Deno.build.os === "windows" };

Deno.test("waiting ends when the time is over", needsPoll, async () => {
  const polled = new PollSet([]);
  // Timers may be a little early; how late they are tells nothing.
  assertLessOrEqual(39, await timed(polled.wait(40)));
  polled.close();
});

Deno.test("nobody can make it wait no time at all", needsPoll, async () => {
  const polled = new PollSet([]);
  for (const time of [0, -5, 0.01]) {
    assertLessOrEqual(0.5, await timed(polled.wait(time)));
  }
  polled.close();
});

for (const longest of [undefined, Infinity, 1e12, 30_000]) {
  Deno.test(`being woken ends a wait of ${longest}`, needsPoll, async () => {
    const polled = new PollSet([]);
    let isOver = false;
    const waiting = polled.wait(longest).then(() => isOver = true);
    await new Promise((done) => setTimeout(done, 30));
    assert(!isOver);
    polled.wake();
    await waiting;
    polled.close();
  });
}

Deno.test("the clock tells the time to whoever wants it", needsPoll, () => {
  const clock = new CaptureClock();
  assertEquals(clock.tell(undefined, 0), Infinity);
  const told: number[] = [];
  const tick = (time: number) => {
    told.push(time);
    return 7;
  };
  for (const lag of [10_000, 0, 0]) assertEquals(clock.tell(tick, lag), 7);
  const [late, first, second] = told;
  assertLessOrEqual(first, second);
  const apart = first - late;
  assert(apart >= 10_000 && apart < 15_000, `${apart}`);
});
