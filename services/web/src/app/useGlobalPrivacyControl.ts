import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { honourGlobalPrivacyControl } from "@/api/preferences";
import { useSession } from "@/state/session";

/** Honour Global Privacy Control from the start of a session. If that fails, the first request tries again. */
export function useGlobalPrivacyControl(): void {
  const client = useQueryClient();
  const signedIn = useSession((state) => state.key !== null);
  useEffect(() => {
    if (signedIn) honourGlobalPrivacyControl(client).catch(() => undefined);
  }, [client, signedIn]);
}
