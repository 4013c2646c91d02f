import { useQuery } from "@tanstack/react-query";
import { showDays } from "genai-images-client";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { keys } from "./queries";

/** Statistics per day (UTC), from one day to another, both included. */
export function useDaily(from: string, to: string) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.daily(from, to),
    queryFn: ({ signal }) => dataOf(showDays({ client: api(), query: { from, to }, signal })),
    enabled: key !== null,
    placeholderData: (previous) => previous,
    refetchInterval: 60_000,
  });
}
