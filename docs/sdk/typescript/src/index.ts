/** A client of the Landform API: `schema.ts` is generated from the OpenAPI document, the rest is small. */

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type { components, operations, paths } from "./schema.js";
export * from "./waiting.js";

/** Every body and answer by its name in the OpenAPI document. */
export type Schemas = components["schemas"];

/** Calls one Landform; paths, bodies and answers are typed. */
export type Landform = Client<paths>;

/** Return a client of the Landform at `baseUrl`, such as `http://127.0.0.1:8080`; signing in needs no token. */
export function connect(baseUrl: string, token?: string): Landform {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl, headers });
}
