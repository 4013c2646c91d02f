import { retryAfterSeconds } from "./errors.ts";

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 8_000;
/** A longer `Retry-After` is for the caller to decide: a rate limit's window lasts minutes, a daily budget's hours. */
const MAX_RETRY_AFTER_SECONDS = 60;
const TEMPORARY = [429, 500, 502, 503, 504];
const IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE"];

type Send = (request: Request) => Promise<Response>;

/** Return a `fetch` that repeats calls which failed temporarily and can be repeated safely. */
export function withRetries(send: Send, { retries, timeoutMs }: { retries: number; timeoutMs: number }): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const repeatable = IDEMPOTENT.includes(request.method) || request.headers.has("idempotency-key");
    for (let attempt = 0; ; attempt += 1) {
      const last = !repeatable || attempt >= retries;
      let retryAfter = 0;
      try {
        const response = await send(withTimeout(last ? request : request.clone(), timeoutMs));
        if (last || !TEMPORARY.includes(response.status)) return response;
        retryAfter = retryAfterSeconds(response) ?? 0;
        if (retryAfter > MAX_RETRY_AFTER_SECONDS) return response;
        await response.body?.cancel();
      } catch (error) {
        if (last || request.signal.aborted) throw error;
      }
      const backoff = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt);
      await sleep(retryAfter * 1000 + Math.random() * backoff, request.signal);
    }
  };
}

function withTimeout(request: Request, timeoutMs: number): Request {
  // Browsers of 2023 lack `any`: they have no timeout.
  const signal = AbortSignal.any?.([request.signal, AbortSignal.timeout(timeoutMs)]);
  return signal ? new Request(request, { signal }) : request;
}

/** Wait for some time. Throws the signal's reason if it aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
