import { useMutation, useQuery } from "@tanstack/react-query";
import { eraseMe, showErasure } from "genai-images-client";
import { type Receipt, storedReceipt } from "@/state/receipt";
import { endErasedSession } from "@/state/session";
import { api, dataOf } from "./client";
import { keys } from "./queries";

const POLL_MILLISECONDS = 5_000;

/** Have everything of the key's owner erased. The session ends, and the receipt is shown. */
export function useEraseMe() {
  return useMutation({
    mutationFn: () => dataOf(eraseMe({ client: api() })),
    onSuccess: ({ id, receipt_token }) => endErasedSession({ id, token: receipt_token }),
  });
}

/** The erasure of the receipt that this tab keeps, read again until every store has answered. */
export function useErasure(receipt: Receipt | null = storedReceipt()) {
  return useQuery({
    queryKey: keys.erasure(receipt?.id ?? null),
    queryFn: ({ signal }) =>
      dataOf(
        showErasure({
          client: api(),
          path: { erasure_id: receipt?.id ?? "" },
          headers: { "x-receipt-token": receipt?.token ?? "" },
          signal,
        }),
      ),
    enabled: receipt !== null,
    refetchInterval: ({ state }) => (state.data?.status === "completed" ? false : POLL_MILLISECONDS),
  });
}
