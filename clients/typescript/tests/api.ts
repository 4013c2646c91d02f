import type { RequestView, Status } from "../src/index.ts";
import { type Client, createClient } from "../src/index.ts";

export const KEY = "gik_secret_0123456789";
export const ID = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04";

/** An answer of the stubbed API. An error is a failed connection. */
export type Answer = Response | Error;

/** A client of an API that gives these answers, one per call, and the calls that it received. */
export function stubbed(...answers: Answer[]): { client: Client; calls: Request[] } {
  const calls: Request[] = [];
  const client = createClient({
    api: "https://api.test/",
    key: KEY,
    fetch: async (request) => {
      calls.push(request);
      const answer = answers.shift();
      if (answer === undefined) throw new Error(`An unexpected call: ${request.method} ${request.url}`);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { client, calls };
}

export function json(body: object, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}

export function problem(
  status: number,
  code: string,
  headers: Record<string, string> = {},
  more: object = {},
): Response {
  const body = { type: "about:blank", status, code, title: "The title", call_id: "call-1", ...more };
  return json(body, status, { "content-type": "application/problem+json", ...headers });
}

export function view(status: Status, more: Partial<RequestView> = {}): Response {
  const body = { id: ID, status, created_at: "2026-11-28T00:00:00Z", request: {}, timeline: [], links: { self: "" } };
  return json({ ...body, ...more }, 200, { "retry-after": "2" });
}

export function accepted(): Response {
  return json({ id: ID, status: "accepted", links: { self: "" } }, 202, { "retry-after": "2" });
}
