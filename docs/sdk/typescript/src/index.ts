/** A client of the Landform API: `schema.ts` is generated from the OpenAPI document, the rest is small. */

import createClient, { type Client } from "openapi-fetch";

import { repeating, type Retry } from "./repeating.js";
import type { components, paths } from "./schema.js";
import { renewing, Session } from "./session.js";

export type { components, operations, paths } from "./schema.js";
export { follow, type Message } from "./events.js";
export { iterate, type Page } from "./paging.js";
export type { Fetch, Retry } from "./repeating.js";
export { Session, type Tokens } from "./session.js";
export * from "./waiting.js";

/** Every body and answer by its name in the OpenAPI document. */
export type Schemas = components["schemas"];

/** Calls one Landform; paths, bodies and answers are typed. */
export type Landform = Client<paths>;

/** How a client is connected: how it repeats, and with which `fetch`. */
export interface Options {
  retry?: Partial<Retry>;
  fetch?: typeof globalThis.fetch;
}

/**
 * Return a client of the Landform at `baseUrl`, such as `http://127.0.0.1:8080`, with an API token or an access token.
 *
 * Requests are repeated where that is safe: see `repeating`.
 */
export function connect(baseUrl: string, token?: string, { retry, fetch }: Options = {}): Landform {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl, headers, fetch: repeating(retry, fetch) });
}

/**
 * Sign in by name and password, and return a client whose tokens are renewed as long as the session lasts.
 *
 * `totp` is a code of the second factor, where there is one. Throws `ProblemError` when something of it is wrong.
 */
export async function signIn(
  baseUrl: string,
  username: string,
  password: string,
  { totp, retry, fetch }: Options & { totp?: string } = {},
): Promise<Landform> {
  const session = await Session.begin(baseUrl, { username, password, ...(totp === undefined ? {} : { totp }) }, fetch);
  return createClient<paths>({ baseUrl, fetch: repeating(retry, renewing(session, fetch)) });
}
