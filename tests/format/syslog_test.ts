import {
  FACILITIES,
  type Facility,
  frameSyslog,
  type Level,
  LEVELS,
} from "../../library/format.ts";
import { assertEquals } from "../assert.ts";

const at = (month: number, day: number) =>
  new Date(2026, month - 1, day, 6, 7, 8).getTime();

Deno.test("a line is framed as the reference's: daemon.alert, no pid", () => {
  assertEquals(
    frameSyslog("a line", at(11, 22)),
    "<25>Nov 22 06:07:08 scanlogd: a line",
  );
});

Deno.test("a day of one digit is padded with a space (RFC 3164, 4.1.2)", () => {
  assertEquals(frameSyslog("", at(1, 1)), "<25>Jan  1 06:07:08 scanlogd: ");
  assertEquals(frameSyslog("", at(1, 10)), "<25>Jan 10 06:07:08 scanlogd: ");
});

Deno.test("months have their English names", () => {
  const names = Array.from(
    { length: 12 },
    (_, i) => frameSyslog("", at(i + 1, 1)).slice(4, 7),
  );
  assertEquals(
    names.join(" "),
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
  );
});

Deno.test("the time is local time", () => {
  for (const time of [at(2, 28), at(7, 31)]) {
    const date = new Date(time);
    assertEquals(
      frameSyslog("", time).slice(11, 19),
      date.toTimeString().slice(0, 8),
    );
  }
});

Deno.test("facility, level and ident are what they are set to", () => {
  assertEquals(
    frameSyslog("x", at(3, 3), {
      facility: "local7",
      level: "debug",
      ident: "watch",
    }),
    "<191>Mar  3 06:07:08 watch: x",
  );
});

Deno.test("facilities and levels have the codes of syslog.h", () => {
  const priority = (facility: Facility, level: Level) =>
    Number(/^<(\d+)>/.exec(frameSyslog("", 0, { facility, level }))![1]);
  for (const [name, code] of Object.entries(FACILITIES)) {
    assertEquals(priority(name as Facility, "emerg"), code << 3);
  }
  for (const [name, code] of Object.entries(LEVELS)) {
    assertEquals(priority("kern", name as Level), code);
  }
  // RFC 3164, tables 1 and 2
  assertEquals(priority("authpriv", "crit"), 82);
  assertEquals(priority("local4", "notice"), 165);
});

Deno.test("local time is what the caller says", () => {
  const localOffset = () => 5.5 * 3_600_000;
  assertEquals(
    frameSyslog("hello", Date.UTC(2026, 11, 31, 20), { localOffset }),
    "<25>Jan  1 01:30:00 scanlogd: hello",
  );
});
