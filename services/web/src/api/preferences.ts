import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Preferences, type PreferencesResponse, setPreferences, showPreferences } from "genai-images-client";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { keys } from "./queries";

type PreferencesWithEtag = { preferences: PreferencesResponse; etag: string | null };

/** The owner's preferences, with the ETag that an update has to send. */
export function usePreferences() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.preferences,
    queryFn: async ({ signal }): Promise<PreferencesWithEtag> => {
      const { data, response } = await showPreferences({ client: api(), signal });
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
    mutationFn: async (change: Partial<Preferences>): Promise<PreferencesWithEtag> => {
      const { data: current, response } = await showPreferences({ client: api() });
      const etag = response.headers.get("etag");
      const saved = await dataOf(
        setPreferences({
          client: api(),
          body: { ...current, ...change },
          ...(etag === null ? {} : { headers: { "If-Match": etag } }),
        }),
      );
      return { preferences: saved, etag: null };
    },
    onSuccess: (known) => client.setQueryData(keys.preferences, known),
  });
}
