import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, type Schemas, unwrap, unwrapWithResponse } from "./client";
import { keys } from "./queries";

export type Preferences = Schemas["PreferencesResponse"];
type PreferencesWithEtag = { preferences: Preferences; etag: string | null };

/** The owner's preferences, with the ETag that an update has to send. */
export function usePreferences() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.preferences,
    queryFn: async ({ signal }): Promise<PreferencesWithEtag> => {
      const { data, response } = await unwrapWithResponse(api().GET("/v1/preferences", { signal }));
      return { preferences: data, etag: response.headers.get("etag") };
    },
    enabled: key !== null,
    staleTime: 5 * 60_000,
  });
}

/** Change some preferences and keep the others. Reads the current ones first, so that a change made elsewhere is kept. */
export function useSavePreferences() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (change: Partial<Schemas["Preferences"]>): Promise<PreferencesWithEtag> => {
      const { data: current, response } = await unwrapWithResponse(api().GET("/v1/preferences"));
      const etag = response.headers.get("etag");
      const saved = await unwrap(
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
