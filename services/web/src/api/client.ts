import { type Client, createClient } from "genai-images-client";
import { useSession } from "@/state/session";

let clients: { user: Client; operator: Client } | null = null;
let base = "";

/** Point the clients at an API. Called once, after the configuration was loaded. */
export function configure(apiUrl: string): void {
  base = apiUrl;
  // Queries and mutations are retried as a whole (queries.ts), and not while the browser is offline.
  const options = { api: apiUrl, retries: 0 };
  clients = {
    user: createClient({ ...options, key: () => useSession.getState().key }),
    operator: createClient({ ...options, key: () => useSession.getState().operatorKey ?? useSession.getState().key }),
  };
}

/** The client with the user's key. Throws before `configure`. */
export function api(): Client {
  if (clients === null) throw new Error("The API client is not configured.");
  return clients.user;
}

/** The client for routes that need the scope `admin`, which other scopes do not include: with the operator's key if there is one. */
export function operatorApi(): Client {
  if (clients === null) throw new Error("The API client is not configured.");
  return clients.operator;
}

/** Turn a path relative to the API into an absolute URL. */
export function absoluteUrl(path: string): string {
  return new URL(base + path, location.href).href;
}

/** Return the data of a call. */
export async function dataOf<T>(call: Promise<{ data: T }>): Promise<T> {
  return (await call).data;
}
