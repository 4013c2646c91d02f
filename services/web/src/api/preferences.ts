import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Preferences, type PreferencesResponse, setPreferences, showPreferences } from "genai-images-client";
import { globalPrivacyControl } from "@/lib/globalPrivacyControl";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { keys } from "./queries";

type PreferencesWithEtag = { preferences: PreferencesResponse; etag: string | null };

/** The owner's preferences, with the ETag that an update has to send. */
export function usePreferences() {
  const key = useSession((state) => state.key);
  return useQuery({ ...preferencesQuery, enabled: key !== null });
}

const preferencesQuery = queryOptions({
  queryKey: keys.preferences,
  queryFn: async ({ signal }): Promise<PreferencesWithEtag> => {
    const { data, response } = await showPreferences({ client: api(), signal });
    return { preferences: data, etag: response.headers.get("etag") };
  },
  staleTime: 5 * 60_000,
});

/** Change some preferences and keep the others. */
export function useSavePreferences() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: savePreferences,
    onSuccess: (known) => client.setQueryData(keys.preferences, known),
  });
}

/** Read the current preferences first, so that a change made elsewhere is kept. */
async function savePreferences(change: Partial<Preferences>): Promise<PreferencesWithEtag> {
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
}

let optingOut: Promise<void> | null = null;

/** If the browser sends Global Privacy Control, exclude the owner from analytics before anything else is sent. */
export async function honourGlobalPrivacyControl(client: QueryClient): Promise<void> {
  if (!globalPrivacyControl()) return;
  optingOut ??= optOut(client).finally(() => {
    optingOut = null;
  });
  await optingOut;
}

async function optOut(client: QueryClient): Promise<void> {
  const { preferences } = await client.fetchQuery(preferencesQuery);
  if (preferences.analytics_opt_out) return;
  client.setQueryData(keys.preferences, await savePreferences({ analytics_opt_out: true }));
}
