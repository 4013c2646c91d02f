import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, type ConsentView, giveConsent, showConsent, withdrawConsent } from "genai-images-client";
import { askForConsent } from "@/state/consent";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { keys } from "./queries";

const consentQuery = queryOptions({
  queryKey: keys.consent,
  queryFn: ({ signal }) => dataOf(showConsent({ client: api(), signal })),
});

/** The current versions of the terms and the privacy notice, and the owner's consent. */
export function useConsent() {
  const key = useSession((state) => state.key);
  return useQuery({ ...consentQuery, enabled: key !== null });
}

/** Agree to versions. If they are not current any more, the current ones are read. */
export function useGiveConsent() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ current_terms: terms, current_privacy_notice: privacy_notice }: ConsentView) =>
      dataOf(giveConsent({ client: api(), body: { terms, privacy_notice } })),
    onSuccess: (consent) => {
      client.setQueryData(keys.consent, consent);
      void client.invalidateQueries({ queryKey: keys.prices });
    },
    onError: () => client.invalidateQueries({ queryKey: keys.consent }),
  });
}

export function useWithdrawConsent() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => withdrawConsent({ client: api() }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.consent }),
  });
}

/** Run an action. If the API refuses it because a consent is missing, ask for the consent and repeat the action once. */
export async function withConsent<T>(client: QueryClient, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!lacksConsent(error)) throw error;
    await client.fetchQuery({ ...consentQuery, staleTime: 0 });
    if (!(await askForConsent())) throw error;
    return action();
  }
}

/** Return whether an action was refused because the owner has not agreed to the current versions. */
export function lacksConsent(error: unknown): boolean {
  return error instanceof ApiError && error.code === "consent_required";
}
