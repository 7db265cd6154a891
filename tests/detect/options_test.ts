import { Detector } from "../../mod.ts";
import type { DetectorOptions } from "../../detect/options.ts";
import { KNOBS, resolveSettings } from "../../detect/settings.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const names = Object.keys(KNOBS) as (keyof typeof KNOBS)[];

Deno.test("the defaults are the reference's params.h, but for the table", () => {
  assertEquals(resolveSettings({}), {
    minPorts: 7,
    privilegedWeight: 3,
    highWeight: 1,
    scanDelay: 3000,
    sources: 65_536,
    logBurst: 5,
    logDelay: 20_000,
    ipv6Prefix: 64,
    slowWindow: 86_400_000,
    answerDelay: 5,
    ephemeralPort: 32_768,
    probeRate: 1000,
  });
});

for (const name of names) {
  const { min, max } = KNOBS[name];
  Deno.test(`${name} takes ${min} and ${max}`, () => {
    for (const value of [min, max]) {
      // The two weights depend on each other.
      const others = name === "highWeight" || name === "privilegedWeight"
        ? { privilegedWeight: KNOBS.privilegedWeight.max, highWeight: 1 }
        : {};
      assertEquals(resolveSettings({ ...others, [name]: value })[name], value);
    }
  });

  for (const value of [min - 1, max + 1, min + 0.5, NaN, Infinity]) {
    Deno.test(`${name} refuses ${JSON.stringify(value)} (${value})`, () => {
      const error = assertThrows(
        () => new Detector(() => {}, { [name]: value }),
        RangeError,
      );
      assertEquals(
        error.message,
        `Cannot set ${name}: it must be an integer from ${min} to ${max}, got ${value}`,
      );
    });
  }
}

Deno.test("a high port must not weigh more than a privileged one", () => {
  const refused: DetectorOptions[] = [
    { highWeight: 4 },
    { privilegedWeight: 1, highWeight: 2 },
  ];
  for (const options of refused) {
    assertThrows(
      () => resolveSettings(options),
      RangeError,
      "Cannot set highWeight: it must be at most privilegedWeight",
    );
  }
  assertEquals(resolveSettings({ highWeight: 3 }).highWeight, 3);
});

Deno.test("a table of more than 1 GiB is refused before it is allocated", () => {
  const error = assertThrows(
    () =>
      new Detector(() => {}, {
        sources: KNOBS.sources.max,
        minPorts: KNOBS.minPorts.max,
        privilegedWeight: KNOBS.privilegedWeight.max,
      }),
    RangeError,
    "Cannot allocate the source table: 1048576 sources of 76565 targets",
  );
  assertEquals(error.message.includes("at most 1024 MiB are allowed"), true);
});
