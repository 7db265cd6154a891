/**
 * `--reload`: hands the running program its configuration and lists again, read
 * and checked here, with the rights of whoever has started it.
 *
 * @module
 */

import {
  connectControl,
  sealedText,
  sendDescriptors,
} from "../ffi/control_socket.ts";
import { checked, libc } from "../ffi/libc.ts";
import { O_CLOEXEC, POLLIN } from "../ffi/linux.ts";
import { parseCommandLine } from "./command_line.ts";
import type { Answer, Request } from "./control.ts";
import { Failure } from "./failure.ts";
import { readIgnored } from "./ignored.ts";
import type { Options } from "./options.ts";

/** So long may the running program take to answer, in milliseconds. */
const PATIENCE_MS = 10_000;
/** More than a command line can have. */
const LONGEST_ANSWER = 4 << 20;
const CHUNK_BYTES = 1 << 16;

/**
 * Reads again what the running program was started with, and hands it over.
 *
 * @throws {Failure} If nobody listens, something is wrong with it, or what has
 * changed cannot be changed while the program runs.
 */
export async function reload({ control }: Options): Promise<void> {
  const started = await ask(control, { type: "arguments" });
  goTo(started.directory ?? "/");
  const options = parseCommandLine(started.arguments ?? []);
  const { given: _, ...values } = options;
  await ask(control, {
    type: "reload",
    values,
    ignored: readIgnored(options),
  });
}

/** Paths are meant from where the program was started. */
function goTo(directory: string): void {
  try {
    Deno.chdir(directory);
  } catch {
    throw new Failure(
      `--reload: cannot go to "${directory}", where scanlogd was started; make it again, or restart scanlogd elsewhere`,
    );
  }
}

async function ask(path: string, request: Request): Promise<Answer> {
  const [end, answerEnd] = pipe();
  const text = sealedText(JSON.stringify(request));
  try {
    const fd = connect(path);
    sendDescriptors(fd, [text, answerEnd]);
    libc().close(fd);
  } finally {
    libc().close(text);
    // Else the end of the answer would never come.
    libc().close(answerEnd);
  }
  const answer = await readAnswer(path, end);
  if (answer.error === undefined) return answer;
  throw new Failure(`--reload: nothing was changed: ${answer.error}`);
}

function connect(path: string): number {
  try {
    checkOwner(path);
    return connectControl(path);
  } catch (error) {
    throw new Failure(
      `--reload: cannot reach the running scanlogd at ${path}: ${
        (error as Error).message
      }; start it first, as root, or name its socket with --control`,
    );
  }
}

/** What answers tells us which files to read: not just anybody may. */
function checkOwner(path: string): void {
  const uid = ownerOf(path);
  if (uid === 0 || uid === libc().geteuid()) return;
  throw new Error(`the socket belongs to user ${uid}`);
}

function ownerOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).uid;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("there is no such socket");
  }
}

function pipe(): Int32Array {
  const ends = new Int32Array(2);
  checked(libc().pipe2(ends, O_CLOEXEC), "pipe2");
  return ends;
}

async function readAnswer(path: string, fd: number): Promise<Answer> {
  const text = await readInTime(fd);
  libc().close(fd);
  const answer = parseAnswer(text);
  if (answer !== undefined) return answer;
  throw new Failure(
    `--reload: the running scanlogd at ${path} does not answer; look into its log`,
  );
}

/** What comes until the other end is closed, but waits for no longer than is meant. */
async function readInTime(fd: number): Promise<string> {
  const polled = new DataView(new ArrayBuffer(8)); // struct pollfd
  polled.setInt32(0, fd, true);
  polled.setInt16(4, POLLIN, true);
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  const end = performance.now() + PATIENCE_MS;
  let text = "";
  while (text.length <= LONGEST_ANSWER) {
    const rest = Math.max(0, Math.ceil(end - performance.now()));
    if (await libc().poll(polled.buffer, 1n, rest) <= 0) break;
    const length = Number(libc().read(fd, chunk, BigInt(CHUNK_BYTES)));
    if (length <= 0) return text + decoder.decode();
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
  return "";
}

/** Undefined if it is none: who answers may have been taken over. */
function parseAnswer(text: string): Answer | undefined {
  try {
    const answer = JSON.parse(text);
    const { error, arguments: args = [], directory } = answer;
    const isAnswer = Array.isArray(args) &&
      [error ?? "", directory ?? "", ...args].every((each) =>
        typeof each === "string"
      );
    return isAnswer ? answer : undefined;
  } catch {
    return undefined;
  }
}
