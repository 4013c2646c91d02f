import createClient, { type Client } from "openapi-fetch";
import { useSession } from "@/state/session";
import { ApiError, errorFrom } from "./errors";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Routes that need the scope `admin`, which other scopes do not include. */
const OPERATORS = /\/(v1\/operations|v1\/keys|health\/ready)(\/|\?|$)/;

let client: Client<paths> | null = null;
let base = "";

/** Point the client at an API. Called once, when the configuration is known. */
export function configure(apiUrl: string): void {
  base = apiUrl;
  client = createClient<paths>({ baseUrl: apiUrl, fetch: (request) => fetch(request) });
  client.use({
    onRequest({ request }) {
      const { key, operatorKey } = useSession.getState();
      const chosen = OPERATORS.test(request.url) ? (operatorKey ?? key) : key;
      if (chosen) request.headers.set("x-api-key", chosen);
      return request;
    },
  });
}

/** The typed client. Throws before `configure`. */
export function api(): Client<paths> {
  if (client === null) throw new Error("The API's address is not known yet.");
  return client;
}

/** Make an address relative to the API absolute. */
export function absolute(path: string): string {
  return new URL(base + path, location.href).href;
}

type Result<T> = { data?: T; error?: unknown; response: Response };

/** Return a call's data, or throw an `ApiError`: also where nothing answered at all. */
export async function ask<T>(call: Promise<Result<T>>): Promise<T> {
  const { data, error, response } = await answered(call);
  if (!response.ok) throw errorFrom(response, error);
  return data as T;
}

/** Like `ask`, with the response, for its headers. */
export async function askWithResponse<T>(call: Promise<Result<T>>): Promise<{ data: T; response: Response }> {
  const { data, error, response } = await answered(call);
  if (!response.ok) throw errorFrom(response, error);
  return { data: data as T, response };
}

async function answered<T>(call: Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await call;
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === "AbortError") throw failure;
    if (failure instanceof TypeError) throw new ApiError(0, "unreachable", "Nothing answered");
    throw failure;
  }
}
