// What the TypeScript client does beside openapi-fetch, against answers that are given in turn; a test runs it.
import { connect, expectData, follow, iterate, ProblemError, signIn } from "landform-client";

type Given = Response | Error;
const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
const problem = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  json({ status, code, detail: "No.", advice: "Do this.", title: "No", type: "", instance: "", request_id: "" }, status, headers);

/** Answers in turn, and keeps what was asked. */
function answering(...given: Given[]): { fetch: typeof fetch; asked: Request[] } {
  const asked: Request[] = [];
  const answer = async (request: Request): Promise<Response> => {
    asked.push(request.clone());
    const next = given.shift();
    if (next === undefined) throw new Error("asked once more than expected");
    if (next instanceof Error) throw next;
    return next;
  };
  return { fetch: answer as typeof fetch, asked };
}

function check(is: boolean, what: string): void {
  if (!is) throw new Error(what);
  console.log("ok", what);
}

const retry = { pauseSeconds: 0.001 };
const url = "http://landform.test";
const body = { name: "web", cloud_account: "sandbox" };

{
  const early = [new TypeError("fetch failed"), problem(429, "rate_limited", { "Retry-After": "0" })];
  const { fetch, asked } = answering(...early, problem(409, "idempotency_in_progress"), json({ operation: null }, 202));
  const landform = connect(url, "lft_x", { fetch, retry });
  expectData(await landform.POST("/api/v1/networks", { body }));
  const keys = new Set(asked.map((request) => request.headers.get("Idempotency-Key")));
  check(asked.length === 4 && keys.size === 1 && !keys.has(null), "a change is repeated with the same key");
  check((await Promise.all(asked.map((r) => r.text()))).every((t) => t === JSON.stringify(body)), "and the same body");
}
{
  const { fetch, asked } = answering(problem(422, "validation_failed"));
  const refused = await connect(url, "x", { fetch, retry }).POST("/api/v1/networks", { body });
  check(refused.error?.code === "validation_failed" && asked.length === 1, "what was refused is not repeated");
}
{
  const { fetch, asked } = answering(problem(429, "rate_limited", { "Retry-After": "3600" }));
  const late = await connect(url, "x", { fetch, retry }).GET("/api/v1/stacks");
  check(late.response.status === 429 && asked.length === 1, "nor what would take too long");
}
{
  const { fetch, asked } = answering(new TypeError("fetch failed"));
  const failed = await signIn(url, "ada", "secret", { fetch, retry }).catch((error: unknown) => error);
  check(failed instanceof TypeError && asked.length === 1, "signing in is not repeated");
}
{
  const tokens = (n: number, expires_in: number) =>
    json({ access_token: `a${n}`, refresh_token: `r${n}`, token_type: "Bearer", expires_in });
  const page = () => json({ items: [], next_cursor: null });
  const { fetch, asked } = answering(tokens(1, -60), tokens(2, 900), page(), page(), problem(401, "x"), tokens(3, 900), page());
  const landform = await signIn(url, "ada", "secret", { fetch, retry });
  await Promise.all([landform.GET("/api/v1/stacks"), landform.GET("/api/v1/stacks")]);
  await landform.GET("/api/v1/stacks");
  const sent = asked.map((request) => request.headers.get("Authorization"));
  const expected = [null, "Bearer r1", "Bearer a2", "Bearer a2", "Bearer a2", "Bearer r2", "Bearer a3"];
  check(JSON.stringify(sent) === JSON.stringify(expected), "a refresh token is used once, by whoever is first");
}
{
  const { fetch, asked } = answering(json({ items: [1, 2], next_cursor: "c" }), json({ items: [3], next_cursor: null }));
  const landform = connect(url, "x", { fetch });
  const found = [];
  const ask = (cursor?: string) => landform.GET("/api/v1/stacks", { params: { query: cursor ? { cursor } : {} } });
  for await (const item of iterate(ask)) found.push(item);
  check(JSON.stringify(found) === "[1,2,3]" && asked[1]?.url === `${url}/api/v1/stacks?cursor=c`, "pages are followed");
}
{
  const message = (event: string, data: unknown, id?: number) =>
    `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  const streamed = (text: string) => new Response(text, { headers: { "Content-Type": "text/event-stream" } });
  const pending = message("operation", { status: "pending" });
  const first = streamed(`: hello\n\n${pending}${message("event", { message: "one" }, 7)}id: 8\nevent: event\nda`);
  const end = message("operation", { status: "applied" }) + message("end", { status: "applied" });
  const { fetch, asked } = answering(first, streamed(pending + message("event", { message: "two" }, 8) + end));
  const told = [];
  for await (const item of follow(connect(url, "x", { fetch, retry }), "op_1", { after: 3 })) told.push(item.event);
  check(told.join() === "operation,event,event,operation,end", "a stream that breaks is resumed");
  check(asked.map((r) => r.headers.get("Last-Event-ID")).join() === "3,7", "after the last event");
}
{
  const { fetch } = answering(problem(404, "not_found"));
  const events = follow(connect(url, "x", { fetch, retry }), "op_1");
  const refused = await events.next().catch((error: unknown) => error);
  check(refused instanceof ProblemError && refused.code === "not_found", "a refusal ends it");
}
