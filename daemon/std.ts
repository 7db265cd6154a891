/**
 * The few functions of Deno's std that the program uses, with their types: the
 * build of std on npm has none. The one place to change when JSR's is used.
 *
 * @module
 */

// @ts-types="./std/parse_args.d.ts"
export { parseArgs } from "@std/cli/parse-args";
// @ts-types="./std/toml.d.ts"
export { parse as parseToml } from "@std/toml/parse";
// @ts-types="./std/levenshtein_distance.d.ts"
export { levenshteinDistance } from "@std/text/levenshtein-distance";
// @ts-types="./std/closest_string.d.ts"
export { closestString } from "@std/text/closest-string";
