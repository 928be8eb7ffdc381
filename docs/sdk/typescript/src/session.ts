/** The tokens of somebody who signed in, renewed when they are old or refused. */

import { connect } from "./index.js";
import type { Fetch } from "./repeating.js";
import type { components } from "./schema.js";
import { expectData } from "./waiting.js";

/** What signing in gives. */
export type Tokens = components["schemas"]["TokensView"];

const EARLY_SECONDS = 30;

/** A refresh token works once, so requests at the same time wait for one renewal. */
export class Session {
  #tokens: Tokens;
  #renewAt: number;
  #renewal: Promise<void> | undefined;

  private constructor(
    private readonly baseUrl: string,
    private readonly fetch: typeof globalThis.fetch | undefined,
    tokens: Tokens,
  ) {
    this.#tokens = tokens;
    this.#renewAt = renewalTime(tokens);
  }

  /** Sign in. Throws `ProblemError` when name, password or code is wrong. */
  static async begin(
    baseUrl: string,
    body: components["schemas"]["LoginBody"],
    fetch?: typeof globalThis.fetch,
  ): Promise<Session> {
    const tokens = expectData(await connect(baseUrl, undefined, options(fetch)).POST("/api/v1/auth/login", { body }));
    return new Session(baseUrl, fetch, tokens);
  }

  /** Return the token to send. Throws `ProblemError` when the session has ended. */
  async token(): Promise<string> {
    if (Date.now() > this.#renewAt) {
      await this.renew(this.#tokens.access_token);
    }
    return this.#tokens.access_token;
  }

  /** Get another token than `refused`, unless that was done meanwhile. */
  async renew(refused: string): Promise<void> {
    if (this.#tokens.access_token !== refused) {
      return;
    }
    this.#renewal ??= this.#refresh().finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  }

  async #refresh(): Promise<void> {
    const landform = connect(this.baseUrl, this.#tokens.refresh_token, options(this.fetch));
    this.#tokens = expectData(await landform.POST("/api/v1/auth/refresh"));
    this.#renewAt = renewalTime(this.#tokens);
  }
}

/** Return a `fetch` that signs each request in, and once more when the token is refused. */
export function renewing(session: Session, fetch: Fetch = globalThis.fetch): Fetch {
  return async (request) => {
    const token = await session.token();
    const first = await fetch(signed(request, token));
    if (first.status !== 401) {
      return first;
    }
    await session.renew(token);
    return fetch(signed(request, await session.token()));
  };
}

function signed(request: Request, token: string): Request {
  const sent = request.clone();
  sent.headers.set("Authorization", `Bearer ${token}`);
  return sent;
}

function options(fetch: typeof globalThis.fetch | undefined): { fetch?: typeof globalThis.fetch } {
  return fetch === undefined ? {} : { fetch };
}

function renewalTime(tokens: Tokens): number {
  return Date.now() + Math.max(tokens.expires_in - EARLY_SECONDS, tokens.expires_in / 2) * 1000;
}
