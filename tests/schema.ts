/**
 * The JSON Schemas of `docs/`, as validators.
 *
 * @module
 */

import { Ajv2020 } from "ajv/2020";
import { assert } from "./assert.ts";

const DOCS = new URL("../docs/", import.meta.url);

function read(name: string): object {
  return JSON.parse(Deno.readTextFileSync(new URL(name, DOCS)));
}

const ajv = new Ajv2020({ strict: true, allErrors: true });
ajv.addFormat("date-time", (text: string) => !Number.isNaN(Date.parse(text)));
ajv.addSchema(read("event.schema.json"), "event.schema.json");
ajv.addSchema(read("probe.schema.json"), "probe.schema.json");
ajv.addSchema(read("ecs.schema.json"), "ecs.schema.json");

function validator(schema: string): (json: string) => void {
  const validate = ajv.getSchema(schema);
  assert(validate !== undefined, schema);
  return (json) => {
    const isValid = validate(JSON.parse(json));
    assert(isValid, `${json}\n${ajv.errorsText(validate.errors)}`);
  };
}

/** Asserts that a line of `-o json` is as the schema says. */
export const assertEvent = validator("event.schema.json");
/** Asserts that a line of `-o ecs` is as the schema says. */
export const assertEcs = validator("ecs.schema.json");
/** Asserts that a line of `-o probes` is as the schema says. */
export const assertProbe = validator("probe.schema.json");

/**
 * Asserts that each of these lines that looks like an object of ours is as its
 * schema says; returns how many there are.
 */
export function assertDocuments(lines: readonly string[]): number {
  let count = 0;
  for (const line of lines) {
    const check = validatorOf(line);
    check?.(line);
    if (check !== undefined) count++;
  }
  return count;
}

function validatorOf(line: string): ((json: string) => void) | undefined {
  if (line.startsWith('{"@timestamp":')) return assertEcs;
  if (!line.startsWith('{"timestamp":')) return undefined;
  return line.includes('"event_type":"probe"') ? assertProbe : assertEvent;
}
