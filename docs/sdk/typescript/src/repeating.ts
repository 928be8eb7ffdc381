/** Requests that are sent again where that is safe. */

/** What openapi-fetch calls for each request. */
export type Fetch = (request: Request) => Promise<Response>;

/** How often and with which pauses a request is repeated. */
export interface Retry {
  /** How often it is sent at most, the first time included. */
  attempts: number;
  /** The pause before the first repetition where Landform names none; it doubles each time. */
  pauseSeconds: number;
  /** With a longer `Retry-After` the request is not repeated. */
  longestPauseSeconds: number;
}

const DEFAULTS: Retry = { attempts: 5, pauseSeconds: 0.5, longestPauseSeconds: 60 };
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Return a `fetch` that repeats a request without a connection, or that was answered with 429, 502, 503 or 504.
 *
 * It pauses as `Retry-After` says. Every change carries an `Idempotency-Key` that stays the same, so it happens once;
 * what asks for tokens carries none and is never repeated.
 */
export function repeating(retry: Partial<Retry> = {}, fetch: Fetch = globalThis.fetch): Fetch {
  const rule = { ...DEFAULTS, ...retry };
  return async (request) => {
    const isAboutTokens = new URL(request.url).pathname.startsWith("/api/v1/auth/");
    if (isAboutTokens) {
      return fetch(request);
    }
    if (!READING.has(request.method) && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    for (let attempt = 1; ; attempt += 1) {
      let pause: number | undefined;
      try {
        const response = await fetch(request.clone());
        if (!(await isEarly(response))) {
          return response;
        }
        pause = pauseSeconds(rule, attempt, response.headers.get("Retry-After"));
        if (pause === undefined) {
          return response;
        }
        await response.body?.cancel();
      } catch (error) {
        pause = request.signal.aborted ? undefined : pauseSeconds(rule, attempt, null);
        if (pause === undefined) {
          throw error;
        }
      }
      await sleep(pause);
    }
  };
}

/** Wait. */
export function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function isEarly(response: Response): Promise<boolean> {
  if (BUSY.has(response.status)) {
    return true;
  }
  if (response.status !== 409) {
    return false;
  }
  const problem = (await response.clone().json()) as { code?: string };
  return problem.code === "idempotency_in_progress";
}

function pauseSeconds(rule: Retry, attempt: number, retryAfter: string | null): number | undefined {
  if (attempt >= rule.attempts) {
    return undefined;
  }
  if (retryAfter !== null && /^\d+$/.test(retryAfter)) {
    return Number(retryAfter) <= rule.longestPauseSeconds ? Number(retryAfter) : undefined;
  }
  const longest = Math.min(rule.pauseSeconds * 2 ** (attempt - 1), rule.longestPauseSeconds);
  return longest * (1 - Math.random() / 2);
}
