import { ALONE, Companies, MOST_OWN } from "../../../detect/probe/companies.ts";
import { assertEquals, assertLess, assertNotEquals } from "../../assert.ts";
import { below, seeded } from "../../random.ts";

Deno.test("who has met is in one company, directly or through others", () => {
  const companies = new Companies(8);
  companies.meet(0, 1);
  companies.meet(2, 3);
  assertNotEquals(companies.of(0), companies.of(2));
  companies.meet(1, 3);
  assertEquals([...companies.members(0)].sort(), [0, 1, 2, 3]);
  assertEquals(companies.size(2), 4);
  assertEquals(companies.of(4), ALONE);
  assertEquals([...companies.members(4)], [4]);
});

Deno.test("the members of a company follow each other as they came", () => {
  const companies = new Companies(8);
  for (let entry = 1; entry < 6; entry++) companies.meet(entry, entry - 1);
  assertEquals([...companies.members(0)], [0, 1, 2, 3, 4, 5]);
});

Deno.test("whoever takes a record is in no company, and the last one is alone", () => {
  const companies = new Companies(8);
  companies.meet(0, 1);
  companies.meet(2, 1);
  companies.forget(1);
  assertEquals(companies.of(1), ALONE);
  assertEquals([...companies.members(0)], [0, 2]);
  companies.forget(0);
  assertEquals([companies.of(0), companies.of(2)], [ALONE, ALONE]);
});

Deno.test("companies are what a simple model says, and take no more memory", () => {
  const count = 64;
  const random = seeded(1);
  const companies = new Companies(count);
  const { byteLength } = companies;
  let model: Set<number>[] = [];
  const of = (entry: number) =>
    model.find((set) => set.has(entry)) ?? new Set([entry]);
  for (let step = 0; step < 20_000; step++) {
    const [one, two] = [below(random, count), below(random, count)];
    const [first, second] = [of(one), of(two)];
    if (one !== two && below(random, 3) > 0) {
      companies.meet(one, two);
      model = model.filter((set) => set !== first && set !== second);
      model.push(first.union(second));
    } else {
      companies.forget(one);
      first.delete(one);
      model = model.filter(({ size }) => size > 1);
    }
    assertEquals(companies.size(two), of(two).size);
    if (step % 16 > 0) continue;
    const numbers = new Set<number>();
    for (const set of model) {
      const [member] = set;
      assertEquals(new Set(companies.members(member)), set);
      numbers.add(companies.of(member));
    }
    assertEquals(numbers.size, model.length);
  }
  assertEquals(companies.byteLength, byteLength);
});

Deno.test("a record changes its number seldom, however its company grows", () => {
  const count = 4096;
  const companies = new Companies(count);
  const changes = new Uint8Array(count);
  const numbers = new Int32Array(count);
  for (let span = 1; span < count; span *= 2) {
    for (let entry = 0; entry < count; entry += 2 * span) {
      companies.meet(entry, entry + span);
    }
    for (let entry = 0; entry < count; entry++) {
      if (companies.of(entry) !== numbers[entry]) changes[entry]++;
      numbers[entry] = companies.of(entry);
    }
  }
  // The first one is that it is in a company at all.
  assertLess(Math.max(...changes), 1 + Math.log2(count));
});

Deno.test("own probes are weighed against those that are shared", () => {
  const companies = new Companies(2);
  for (let i = 0; i < 1000; i++) companies.sentTogether(0);
  for (let i = 0; i < 40; i++) companies.sentAlone(0);
  assertEquals(companies.own(0), MOST_OWN);
  companies.sentTogether(0);
  assertEquals(companies.own(0), MOST_OWN - 1);
  assertEquals(companies.own(1), 0);
  companies.forget(0);
  assertEquals(companies.own(0), 0);
});
