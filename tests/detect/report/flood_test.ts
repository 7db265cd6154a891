import {
  FloodLimit,
  SUPPRESS,
  TELL,
  TELL_MORE_FOLLOW,
} from "../../../detect/report/flood.ts";
import { assert, assertEquals } from "../../assert.ts";

const SECOND = 1000;

function limit(): FloodLimit {
  return new FloodLimit({ logBurst: 5, logDelay: 20 * SECOND });
}

/** The verdicts on scans at these times. */
function verdicts(flood: FloodLimit, times: Iterable<number>): number[] {
  return Array.from(times, (time) => flood.next(time));
}

const FIVE_AND_MORE = [TELL, TELL, TELL, TELL, TELL, TELL_MORE_FOLLOW];

Deno.test("five scans are told, the sixth says that more follow, then silence", () => {
  assertEquals(verdicts(limit(), new Array(9).fill(0)), [
    ...FIVE_AND_MORE,
    ...[SUPPRESS, SUPPRESS, SUPPRESS],
  ]);
});

Deno.test("each of the first six scans renews the row", () => {
  const times = [0, 20, 40, 60, 80, 100].map((s) => s * SECOND);
  assertEquals(verdicts(limit(), times), FIVE_AND_MORE);
});

Deno.test("the silent ones do not renew the row", () => {
  const flood = limit();
  verdicts(flood, [0, 0, 0, 0, 0, 10 * SECOND]);
  assertEquals(flood.next(25 * SECOND), SUPPRESS);
  // 20.001 s after the sixth, 5.001 s after a silent one.
  assertEquals(flood.next(30 * SECOND), SUPPRESS);
  assertEquals(flood.next(30 * SECOND + 1), TELL);
});

Deno.test("a pause of just the delay does not end a row, one longer does", () => {
  const pauses = (pause: number) =>
    verdicts(limit(), [0, 0, 0, 0, 0, pause]).at(-1);
  assertEquals(pauses(20 * SECOND), TELL_MORE_FOLLOW);
  assertEquals(pauses(20 * SECOND + 1), TELL);
});

Deno.test("a clock that goes backwards ends a row", () => {
  const flood = limit();
  verdicts(flood, new Array(8).fill(50 * SECOND));
  assertEquals(
    verdicts(flood, new Array(6).fill(50 * SECOND - 1)),
    FIVE_AND_MORE,
  );
});

Deno.test("a new row has room for five again", () => {
  const flood = limit();
  verdicts(flood, new Array(6).fill(0));
  assertEquals(verdicts(flood, new Array(6).fill(21 * SECOND)), FIVE_AND_MORE);
});

Deno.test("the first scan is told, whatever the clock says", () => {
  for (const time of [-1e15, -1, 0, 1e15]) {
    assertEquals(limit().next(time), TELL);
  }
});

Deno.test("a burst of 0 tells everything", () => {
  const flood = new FloodLimit({ logBurst: 0, logDelay: 20 * SECOND });
  assert(verdicts(flood, new Array(1000).fill(0)).every((v) => v === TELL));
});

Deno.test("a burst of 1 tells one scan, then that more follow", () => {
  const flood = new FloodLimit({ logBurst: 1, logDelay: SECOND });
  assertEquals(verdicts(flood, [0, 0, 0]), [TELL, TELL_MORE_FOLLOW, SUPPRESS]);
});
