import { ALONE, Companies } from "../../../detect/probe/companies.ts";
import {
  assertEquals,
  assertGreater,
  assertLess,
  assertNotEquals,
} from "../../assert.ts";

Deno.test("who has met is in one company, directly or through others", () => {
  const companies = new Companies(8);
  companies.meet(0, 1);
  companies.meet(2, 3);
  assertNotEquals(companies.of(0), companies.of(2));
  companies.meet(1, 3);
  const all = [0, 1, 2, 3].map((entry) => companies.of(entry));
  assertEquals(new Set(all).size, 1);
  assertEquals(companies.of(4), ALONE);
});

Deno.test("a company goes by its oldest number, whoever remembers another", () => {
  const companies = new Companies(8);
  companies.meet(0, 1);
  companies.meet(2, 3);
  const newer = companies.of(2);
  companies.meet(0, 2);
  assertEquals(companies.current(newer), companies.of(0));
});

Deno.test("whoever takes a record is in no company", () => {
  const companies = new Companies(8);
  companies.meet(0, 1);
  companies.forget(0);
  assertEquals(companies.of(0), ALONE);
  assertNotEquals(companies.of(1), ALONE);
});

Deno.test("companies without end that meet take a bounded memory", () => {
  const companies = new Companies(4);
  const numbers: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    for (const entry of [0, 1, 2, 3]) companies.forget(entry);
    companies.meet(0, 1);
    companies.meet(2, 3);
    numbers.push(companies.of(2));
    companies.meet(1, 2);
  }
  const known = numbers.filter((number) =>
    companies.current(number) !== number
  );
  assertGreater(known.length, 0);
  assertLess(known.length, 4097);
  assertEquals(companies.byteLength, 16);
});

Deno.test("a company that met others one by one is found at once the next time", () => {
  const count = 2000;
  const companies = new Companies(2 * count);
  for (let i = 0; i < count; i++) companies.meet(2 * i, 2 * i + 1);
  const numbers = Array.from({ length: count }, (_, i) => companies.of(2 * i));
  // The newest first: each has to be asked for by way of all that are older.
  for (let i = count - 1; i > 0; i--) companies.meet(2 * i, 2 * i - 1);
  let steps = 0;
  const get = Map.prototype.get;
  Map.prototype.get = function (key: unknown): unknown {
    steps++;
    return get.call(this, key);
  };
  try {
    for (let round = 0; round < 20; round++) {
      for (const number of numbers) {
        assertEquals(companies.current(number), numbers[0]);
      }
    }
  } finally {
    Map.prototype.get = get;
  }
  assertLess(steps, 20 * count * 5);
});
