/** Follow asynchronous work: `expectData` turns a problem into an error, `waitFor` polls an operation to its end. */

import type { Landform, Schemas } from "./index.js";

const FAILED: ReadonlySet<Schemas["OperationStatus"]> = new Set(["errored", "interrupted", "canceled", "discarded"]);
const DONE: ReadonlySet<Schemas["OperationStatus"]> = new Set(["applied", "planned_and_finished"]);
const PAUSE_SECONDS = 1;

/** The API refused a request. Decide on `code`, which is stable; `advice` is for people. */
export class ProblemError extends Error {
  readonly code: string;
  readonly advice: string;
  readonly status: number;

  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.detail} ${problem.advice}`);
    this.name = "ProblemError";
    this.code = problem.code;
    this.advice = problem.advice;
    this.status = problem.status;
  }
}

/** An operation ended without doing what was asked; `operation` has its steps and error. */
export class OperationFailedError extends Error {
  readonly code: string;
  readonly advice: string;

  constructor(readonly operation: Schemas["OperationView"]) {
    const error = operation.error;
    super(`${operation.type} ${operation.id}: ${error?.detail ?? operation.status} ${error?.advice ?? ""}`);
    this.name = "OperationFailedError";
    this.code = error?.code ?? operation.status;
    this.advice = error?.advice ?? "";
  }
}

/** The operation had not ended in time. It goes on; wait for it again, or cancel it. */
export class WaitTimeoutError extends Error {
  constructor(readonly operation: Schemas["OperationView"], seconds: number) {
    super(`${operation.id} is ${operation.status} after ${seconds} s.`);
    this.name = "WaitTimeoutError";
  }
}

interface Result<T> {
  data?: T;
  error?: Schemas["Problem"];
  response: Response;
}

/** Return the data of an answer, or throw its problem as a `ProblemError`. */
export function expectData<T>(result: Result<T>): T {
  if (result.error !== undefined) {
    throw new ProblemError(result.error);
  }
  return result.data as T;
}

/**
 * Poll an operation until it has ended well, and return it; pauses as long as `Retry-After` says.
 *
 * Throws `OperationFailedError` when it ends otherwise, `WaitTimeoutError` when it takes longer than
 * `timeoutSeconds`, `ProblemError` when the API refuses to show it.
 */
export async function waitFor(
  client: Landform,
  operation: Schemas["OperationView"] | string,
  { timeoutSeconds = 900 }: { timeoutSeconds?: number } = {},
): Promise<Schemas["OperationView"]> {
  const operation_id = typeof operation === "string" ? operation : operation.id;
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const result = await client.GET("/api/v1/operations/{operation_id}", { params: { path: { operation_id } } });
    const pause = Number(result.response.headers.get("Retry-After") ?? PAUSE_SECONDS) || PAUSE_SECONDS;
    const isLate = Date.now() + pause * 1000 > deadline;
    const mustRepeat = result.response.status === 429 || result.response.status === 503;
    if (!mustRepeat || isLate) {
      const present = expectData(result);
      if (DONE.has(present.status)) {
        return present;
      }
      if (FAILED.has(present.status)) {
        throw new OperationFailedError(present);
      }
      if (isLate) {
        throw new WaitTimeoutError(present, timeoutSeconds);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}
