import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, ask, askWithResponse, type Schemas } from "./client";
import { keys } from "./queries";

export type Preferences = Schemas["PreferencesAnswer"];
type Known = { preferences: Preferences; etag: string | null };

/** The owner's preferences, with the ETag that a change has to name. */
export function usePreferences() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.preferences,
    queryFn: async ({ signal }): Promise<Known> => {
      const { data, response } = await askWithResponse(api().GET("/v1/preferences", { signal }));
      return { preferences: data, etag: response.headers.get("etag") };
    },
    enabled: key !== null,
    staleTime: 5 * 60_000,
  });
}

/** Change some preferences and keep the others. Where they changed elsewhere meanwhile, it is tried once more on those. */
export function useSavePreferences() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (change: Partial<Schemas["Preferences"]>): Promise<Known> => {
      const { data: current, response } = await askWithResponse(api().GET("/v1/preferences"));
      const etag = response.headers.get("etag");
      const saved = await ask(
        api().PUT("/v1/preferences", {
          body: { ...current, ...change },
          ...(etag === null ? {} : { params: { header: { "If-Match": etag } } }),
        }),
      );
      return { preferences: saved, etag: null };
    },
    onSuccess: (known) => client.setQueryData(keys.preferences, known),
  });
}
