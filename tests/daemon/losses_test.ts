/** Losses are said while they rise, at most once a minute. */

import { describeLosses, LossWatch } from "../../daemon/losses.ts";
import { assertEquals } from "../assert.ts";

const DROPPED = "packets dropped by the kernel";
const DAMAGED = "packets damaged";

Deno.test("only what there is is said", () => {
  assertEquals(describeLosses({ [DROPPED]: 0, [DAMAGED]: 0 }), undefined);
  assertEquals(
    describeLosses({ [DROPPED]: 3, [DAMAGED]: 0 }),
    "losses: 3 packets dropped by the kernel",
  );
  assertEquals(
    describeLosses({ [DROPPED]: 3, [DAMAGED]: 7 }, { [DROPPED]: 3 }),
    "losses: 7 packets damaged",
  );
});

Deno.test("one is one", () => {
  assertEquals(
    describeLosses({
      "lines that are no probe records": 1,
      "sources or datagrams forgotten early": 1,
    }),
    "losses: 1 line that is no probe record, 1 source or datagram forgotten early",
  );
});

Deno.test("rising losses are said at once, then at most once a minute, none twice", () => {
  const losses = { [DROPPED]: 0, [DAMAGED]: 0 };
  const said: [time: number, text: string][] = [];
  let time = 0;
  const watch = new LossWatch(() => ({ ...losses }), (text) => {
    said.push([time, text]);
  });
  const check = (at: number) => watch.check(time = at);
  check(0);
  check(10_000);
  losses[DROPPED] = 5;
  check(20_000);
  losses[DROPPED] = 8;
  losses[DAMAGED] = 1;
  check(30_000);
  check(79_999);
  check(80_000);
  check(200_000);
  losses[DAMAGED] = 2;
  check(210_000);
  assertEquals(said, [
    [20_000, "losses: 5 packets dropped by the kernel"],
    [80_000, "losses: 3 packets dropped by the kernel, 1 packet damaged"],
    [210_000, "losses: 1 packet damaged"],
  ]);
});
