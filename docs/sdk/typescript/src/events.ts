/** The events of an operation as they happen: server-sent events that resume after a break. */

import type { Landform, Schemas } from "./index.js";
import { sleep } from "./repeating.js";
import { ProblemError } from "./waiting.js";

/** One message: an event, the operation whenever its status changes, or the operation once it has ended. */
export type Message =
  | { event: "event"; id: number; data: Schemas["EventView"] }
  | { event: "operation" | "end"; data: Schemas["OperationView"] };

const PATH = "/api/v1/operations/{operation_id}/events";
const AGAIN_SECONDS = 0.5;
const FAILURES = 5;

/**
 * Yield what happens in an operation until its end, each once, also across broken connections.
 *
 * Throws `ProblemError` when the API refuses to show it, and what `fetch` throws when it is gone for good.
 */
export async function* follow(
  landform: Landform,
  operation: Schemas["OperationView"] | string,
  { after = 0 }: { after?: number } = {},
): AsyncGenerator<Message, void, undefined> {
  const operation_id = typeof operation === "string" ? operation : operation.id;
  let seen = after;
  let status = "";
  let failures = 0;
  for (;;) {
    try {
      for await (const message of stream(landform, operation_id, seen)) {
        failures = 0;
        if (message.event === "event") {
          seen = message.id;
        } else if (message.event === "operation") {
          if (message.data.status === status) continue; // told before the break
          status = message.data.status;
        }
        yield message;
        if (message.event === "end") return;
      }
    } catch (error) {
      failures += 1;
      if (error instanceof ProblemError || failures >= FAILURES) throw error;
    }
    await sleep(AGAIN_SECONDS * 2 ** failures);
  }
}

async function* stream(landform: Landform, operation_id: string, after: number): AsyncGenerator<Message> {
  const { data, error } = await landform.GET(PATH, {
    params: { path: { operation_id } },
    headers: { Accept: "text/event-stream", "Last-Event-ID": String(after) },
    parseAs: "stream",
  });
  if (error !== undefined) throw new ProblemError(error);
  if (!data) return;
  const text = data.pipeThrough(new TextDecoderStream());
  yield* readMessages(lines(text));
}

async function* lines(text: ReadableStream<string>): AsyncGenerator<string> {
  const reader = text.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop() ?? "";
      yield* parts;
    }
  } finally {
    await reader.cancel();
  }
}

/** Read a stream (WHATWG HTML §9.2) as Landform writes it; a message that was cut off is left out. */
async function* readMessages(source: AsyncIterable<string>): AsyncGenerator<Message> {
  let event = "";
  let id = 0;
  let data: string[] = [];
  for await (const line of source) {
    if (line === "") {
      if (data.length > 0) yield { event, id, data: JSON.parse(data.join("\n")) } as Message;
      [event, id, data] = ["", 0, []];
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value;
    else if (name === "data") data.push(value);
    else if (name === "id" && /^\d+$/.test(value)) id = Number(value);
  }
}
