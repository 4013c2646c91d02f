import createClient, { type Client } from "openapi-fetch";
import { useSession } from "@/state/session";
import { ApiError, errorFrom } from "./errors";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Routes that need the scope `admin`, which other scopes do not include. */
const OPERATOR_ROUTES = /\/(v1\/operations|v1\/keys|health\/ready)(\/|\?|$)/;

let client: Client<paths> | null = null;
let base = "";

/** Point the client at an API. Called once, after the configuration was loaded. */
export function configure(apiUrl: string): void {
  base = apiUrl;
  client = createClient<paths>({ baseUrl: apiUrl, fetch: (request) => fetch(request) });
  client.use({
    onRequest({ request }) {
      const { key, operatorKey } = useSession.getState();
      const chosen = OPERATOR_ROUTES.test(request.url) ? (operatorKey ?? key) : key;
      if (chosen && !request.headers.has("x-api-key")) request.headers.set("x-api-key", chosen);
      return request;
    },
  });
}

/** The typed client. Throws before `configure`. */
export function api(): Client<paths> {
  if (client === null) throw new Error("The API client is not configured.");
  return client;
}

/** Turn a path relative to the API into an absolute URL. */
export function absoluteUrl(path: string): string {
  return new URL(base + path, location.href).href;
}

type Result<T> = { data?: T; error?: unknown; response: Response };

/** Return a call's data. Throws an `ApiError` for an error response and if there was no response. */
export async function unwrap<T>(call: Promise<Result<T>>): Promise<T> {
  const { data, error, response } = await awaitResult(call);
  if (!response.ok) throw errorFrom(response, error);
  return data as T;
}

/** Like `unwrap`, with the response, for its headers. */
export async function unwrapWithResponse<T>(call: Promise<Result<T>>): Promise<{ data: T; response: Response }> {
  const { data, error, response } = await awaitResult(call);
  if (!response.ok) throw errorFrom(response, error);
  return { data: data as T, response };
}

async function awaitResult<T>(call: Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await call;
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === "AbortError") throw failure;
    if (failure instanceof TypeError) throw new ApiError(0, "unreachable", "The service did not respond");
    throw failure;
  }
}
