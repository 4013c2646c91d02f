import { useQuery } from "@tanstack/react-query";
import { showMe } from "genai-images-client";
import { api, dataOf } from "./client";
import { keys } from "./queries";

/** Whose key this is. */
export function useMe(key: string | null) {
  return useQuery({
    queryKey: keys.me(key),
    queryFn: ({ signal }) => dataOf(showMe({ client: api(), headers: { "x-api-key": key }, signal })),
    enabled: key !== null,
    staleTime: 5 * 60_000,
  });
}
