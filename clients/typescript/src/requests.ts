import type { Client } from "./client.ts";
import { FailedError, RejectedError, retryAfterSeconds, WaitTimeoutError } from "./errors.ts";
import { createRequest, showRequest } from "./generated/sdk.gen.ts";
import type { AcceptedView, Image, NewRequest, RequestView, Status } from "./generated/types.gen.ts";
import { sleep } from "./retries.ts";

/** The longest time that the API lets a call wait for a request. */
const MAX_WAIT_SECONDS = 25;
const DEFAULT_TIMEOUT_MS = 300_000;
const DEFAULT_POLL_SECONDS = 1;

/** By status: whether a request with it has ended. The type demands an entry for every status of the API. */
const TERMINAL: Record<Status, boolean> = {
  accepted: false,
  generating: false,
  checking: false,
  storing: false,
  stalled: false,
  succeeded: true,
  rejected: true,
  failed: true,
  cancelled: true,
  expired: true,
};

/** Return whether a request with this status has ended. */
export function isTerminal(status: Status): boolean {
  return TERMINAL[status];
}

export type SucceededRequest = RequestView & { status: "succeeded"; images: Image[] };

export type SubmitOptions = {
  /** Identifies the request for 24 hours: sent again with the same key, it generates nothing twice. Default: a random one. */
  idempotencyKey?: string;
  signal?: AbortSignal | null;
};

export type WaitOptions = {
  /** Milliseconds until a `WaitTimeoutError`. The request continues. Default: five minutes. */
  timeoutMs?: number;
  /** Aborts the waiting, not the request: `cancelRequest` does that. */
  signal?: AbortSignal | null;
};

/** Create a request and return at once. `request` is a prompt, or a prompt with parameters. */
export async function submit(
  client: Client,
  request: string | NewRequest,
  options: SubmitOptions = {},
): Promise<AcceptedView> {
  const { data } = await send(client, request, options);
  return data as AcceptedView;
}

/**
 * Create a request, wait for it, and return it with its images.
 *
 * Throws a `RejectedError`, a `FailedError`, a `WaitTimeoutError` or an `ApiError`.
 */
export async function generate(
  client: Client,
  request: string | NewRequest,
  options: SubmitOptions & WaitOptions = {},
): Promise<SucceededRequest> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const startedAt = Date.now();
  const seconds = Math.min(MAX_WAIT_SECONDS, Math.floor(timeoutMs / 1000));
  const { data, response } = await send(client, request, options, seconds > 0 ? `wait=${seconds}` : undefined);
  // With this header, 200 is the finished request, and 202 the accepted one.
  if (response.status === 200) return succeeded(data as RequestView);
  const { id, status } = data as AcceptedView;
  const left = () => timeoutMs - (Date.now() - startedAt);
  await pause(id, status, response, left(), signal);
  return wait(client, id, { timeoutMs: left(), signal: signal ?? null });
}

/**
 * Poll a request until it has ended, and return it with its images.
 *
 * Throws a `RejectedError`, a `FailedError`, a `WaitTimeoutError` or an `ApiError`.
 */
export async function wait(client: Client, requestId: string, options: WaitOptions = {}): Promise<SucceededRequest> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal = null } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { data, response } = await showRequest({ client, path: { request_id: requestId }, signal });
    if (isTerminal(data.status)) return succeeded(data);
    await pause(requestId, data.status, response, deadline - Date.now(), signal);
  }
}

function send(client: Client, request: string | NewRequest, options: SubmitOptions, prefer?: string) {
  return createRequest({
    client,
    body: typeof request === "string" ? { prompt: request } : request,
    headers: {
      "Idempotency-Key": options.idempotencyKey ?? crypto.randomUUID(),
      ...(prefer === undefined ? {} : { Prefer: prefer }),
    },
    signal: options.signal ?? null,
  });
}

/** Wait as long as the response asks for. Throws a `WaitTimeoutError` if less time is left. */
async function pause(
  requestId: string,
  status: Status,
  response: Response,
  leftMs: number,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  const delayMs = (retryAfterSeconds(response) || DEFAULT_POLL_SECONDS) * 1000;
  if (delayMs > leftMs) throw new WaitTimeoutError(requestId, status);
  await sleep(delayMs, signal);
}

function succeeded(view: RequestView): SucceededRequest {
  if (view.status === "rejected") throw new RejectedError(view);
  if (view.status !== "succeeded") throw new FailedError(view);
  return { ...view, status: view.status, images: view.images ?? [] };
}
