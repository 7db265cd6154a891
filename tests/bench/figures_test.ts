import { compare, Figures, median, quantile } from "../../bench/figures.ts";
import { assertEquals } from "../assert.ts";

const KEY = { case: "", what: "time" };

/** Figures of contenders, with a value for each round. */
function figuresOf(rounds: Record<string, number[]>): Figures {
  const figures = new Figures();
  for (const [contender, values] of Object.entries(rounds)) {
    for (const value of values) {
      figures.add({ ...KEY, contender, unit: "ms", value });
    }
  }
  return figures;
}

Deno.test("a median is the middle, or between the two in the middle", () => {
  assertEquals(median([9, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 9]), 3);
  assertEquals(median([7]), 7);
});

Deno.test("a quantile lies between its neighbours in proportion", () => {
  const numbers = Array.from({ length: 101 }, (_, i) => 100 - i);
  assertEquals(quantile(numbers, 0.99), 99);
  assertEquals(quantile([0, 10], 0.99), 9.9);
  assertEquals(quantile([0, 10], 1), 10);
});

Deno.test("values of the same round are compared", () => {
  const { all: [a, b] } = figuresOf({ a: [10, 40], b: [5, 10] });
  assertEquals(compare(a, b, "ratio"), [2, 4]);
  assertEquals(compare(a, b, "difference"), [5, 30]);
});

Deno.test("a bar holds for the median of the rounds", () => {
  const figures = figuresOf({ a: [1, 2, 100] });
  const { found, met, unit } = figures.judge({
    ...KEY,
    contender: "a",
    atMost: 2,
  });
  assertEquals([found, met, unit], [2, true, "ms"]);
  assertEquals(
    figures.judge({ ...KEY, contender: "a", atMost: 1.9 }).met,
    false,
  );
});

Deno.test("a bar for every round holds for the worst", () => {
  const figures = figuresOf({ a: [0, 0, 1] });
  const every = { ...KEY, contender: "a", inEveryRound: true };
  assertEquals(figures.judge({ ...every, atMost: 0 }).found, 1);
  assertEquals(figures.judge({ ...every, atMost: 0 }).met, false);
  assertEquals(figures.judge({ ...every, atLeast: 0 }).found, 0);
});

Deno.test("a ratio is the median of the rounds' ratios and has no unit", () => {
  const figures = figuresOf({ a: [1, 2, 9], b: [2, 4, 10] });
  const bar = figures.judge({
    ...KEY,
    contender: "a",
    compared: { to: "b", by: "ratio" },
    atLeast: 0.6,
  });
  assertEquals([bar.found, bar.met, bar.unit], [0.5, false, ""]);
});

Deno.test("what was not measured is neither met nor missed", () => {
  const figures = figuresOf({ a: [1] });
  const alone = figures.judge({ ...KEY, contender: "b", atMost: 1 });
  const compared = figures.judge({
    ...KEY,
    contender: "a",
    compared: { to: "b", by: "ratio" },
    atMost: 1,
  });
  for (const { found, met } of [alone, compared]) {
    assertEquals([found, met], [undefined, undefined]);
  }
});
