import { ApiError } from "./errors.ts";
import type { Client } from "./generated/client/index.ts";
import { createConfig, createClient as createGenerated } from "./generated/client/index.ts";
import { withRetries } from "./retries.ts";

export type { Client } from "./generated/client/index.ts";

export type ClientOptions = {
  /** The address of the API, such as `https://….execute-api.us-east-1.amazonaws.com`. */
  api: string;
  /** The API key. A function is called before each call, so that the key can change. */
  key: string | (() => string | null);
  /** How often a call is repeated after a connection error, 429 or 5xx. Default: 4. */
  retries?: number;
  /** Milliseconds that one attempt may take. Default: 60,000. */
  timeoutMs?: number;
  /** Replaces `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
};

/**
 * Return a client for the functions of this package: `generate(client, …)`, `listImages({ client })`.
 *
 * They throw an `ApiError` for every error response, and if there is no response.
 */
export function createClient(options: ClientOptions): Client {
  const { api, key, retries = 4, timeoutMs = 60_000 } = options;
  const send = options.fetch ?? ((request) => fetch(request));
  const client = createGenerated(
    createConfig({
      baseUrl: api,
      throwOnError: true,
      // The API takes the key in either of two headers, and the generated functions name both.
      auth: ({ type }) => (type === "apiKey" ? ((typeof key === "function" ? key() : key) ?? undefined) : undefined),
      fetch: withRetries(send, { retries, timeoutMs }),
    }),
  );
  client.interceptors.error.use((error, response, request) =>
    // The caller's own signal aborts with the reason that the caller gave.
    request?.signal.aborted ? error : ApiError.from(error, response),
  );
  return client;
}
