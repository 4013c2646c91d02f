import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./errors";

/** One cache for the server's state. What only a change of the caller's can cure is not tried again. */
export function makeQueryClient(): QueryClient {
  const retry = (count: number, error: Error) => count < 3 && (!(error instanceof ApiError) || error.passing);
  return new QueryClient({
    defaultOptions: {
      queries: { retry, staleTime: 30_000, networkMode: "offlineFirst" },
      mutations: { retry, networkMode: "online" },
    },
  });
}

/** Every key of the cache, so that nothing is invalidated by a mistyped one. */
export const keys = {
  models: ["models"],
  preferences: ["preferences"],
  requests: ["requests"],
  request: (id: string) => ["request", id],
  images: ["images"],
  image: (id: string) => ["image", id],
  shares: (id: string) => ["shares", id],
  price: (settings: unknown) => ["price", settings],
  daily: (from: string, to: string) => ["daily", from, to],
  operations: ["operations"],
} as const;
