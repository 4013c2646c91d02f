import { useLiveStatus } from "@/api/liveUpdates";
import { useOnline } from "@/components/useOnline";
import { useSession } from "@/state/session";

/** Shows how updates arrive: pushed, polled, or not at all. */
export function ConnectionStatus() {
  const online = useOnline();
  const signedIn = useSession((state) => state.key !== null);
  const live = useLiveStatus();
  if (!signedIn) return null;
  const [text, dot, title] = !online
    ? ["Offline", "bg-warn", "No internet connection"]
    : live === "open"
      ? ["Live", "bg-good", "Updates arrive as they happen"]
      : ["Connected", "border border-good", "Updates arrive every few seconds"];
  return (
    <span className="margin-note flex items-center gap-1.5 text-muted" title={title}>
      <span className={`size-2 rounded-full ${dot}`} aria-hidden />
      {text}
    </span>
  );
}
