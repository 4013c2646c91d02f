import { useLiveStatus } from "@/api/live";
import { useOnline } from "@/components/useOnline";
import { useSession } from "@/state/session";

/** How news arrive: pushed, asked for, or not at all. */
export function Connection() {
  const online = useOnline();
  const signedIn = useSession((state) => state.key !== null);
  const live = useLiveStatus();
  if (!signedIn) return null;
  const [text, dot] = !online
    ? ["Offline", "bg-warn"]
    : live === "open"
      ? ["Live", "bg-good"]
      : ["Connected", "border border-good"];
  return (
    <span
      className="margin-note flex items-center gap-1.5 text-muted"
      title={live === "open" ? "Changes are pushed as they happen" : "Changes are asked for every few seconds"}
    >
      <span className={`size-2 rounded-full ${dot}`} aria-hidden />
      {text}
    </span>
  );
}
