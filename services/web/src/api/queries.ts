import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "genai-images-client";
import { isRetriable } from "./errors";

/** For how long an answer is kept that no page shows, so that it can be read offline. */
const DAY_MILLISECONDS = 24 * 3_600_000;

/** Create the cache for server state. Errors that a retry cannot fix are not retried. */
export function makeQueryClient(): QueryClient {
  const retry = (count: number, error: Error) => count < 3 && (!(error instanceof ApiError) || isRetriable(error));
  return new QueryClient({
    defaultOptions: {
      queries: { retry, staleTime: 30_000, gcTime: DAY_MILLISECONDS, networkMode: "offlineFirst" },
      mutations: { retry, networkMode: "online" },
    },
  });
}

/** All cache keys in one place, so that a mistyped key cannot miss an invalidation. */
export const keys = {
  models: ["models"],
  model: (key: string) => ["model", key],
  me: (key: string | null) => ["me", key],
  preferences: ["preferences"],
  consent: ["consent"],
  requests: ["requests"],
  request: (id: string) => ["request", id],
  appeal: (id: string) => ["appeal", id],
  images: ["images"],
  renewedPage: (filters: unknown, cursor: string | null) => ["page of images", filters, cursor],
  image: (id: string) => ["image", id],
  shares: (id: string) => ["shares", id],
  prices: ["price"],
  price: (settings: unknown) => ["price", settings],
  daily: (from: string, to: string) => ["daily", from, to],
  operations: ["operations"],
  exports: ["exports"],
  erasure: (id: string | null) => ["erasure", id],
} as const;
