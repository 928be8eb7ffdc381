/** Lists, page by page as they are used. */

import type { Schemas } from "./index.js";
import { expectData } from "./waiting.js";

/** One page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

interface Answer<T> {
  data?: Page<T>;
  error?: Schemas["Problem"];
  response: Response;
}

/**
 * Yield everything in a list; `ask` asks for the page at a cursor, the first one without:
 *
 *     iterate((cursor) => landform.GET("/api/v1/stacks", { params: { query: { cursor } } }))
 *
 * Throws `ProblemError` when a page is refused.
 */
export async function* iterate<T>(ask: (cursor?: string) => Promise<Answer<T>>): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const page: Page<T> = expectData(await ask(cursor));
    yield* page.items;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
