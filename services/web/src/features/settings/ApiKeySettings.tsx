import { Button } from "@/components/Button";
import { Switch } from "@/components/Field";
import { useSession } from "@/state/session";

/** Which key is in use, without showing it. */
export function ApiKeySettings() {
  const { key, remembered, signIn, signOut } = useSession();
  if (key === null) return null;
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3 rounded-control bg-sunken px-4 py-3">
        <p className="font-mono text-sm">
          <span className="sr-only">The key in use begins with </span>
          {key.slice(0, 10)}
          <span aria-hidden>••••••••</span>
        </p>
        <Button onClick={signOut}>Forget it</Button>
      </div>
      <Switch
        label="Keep it for this tab"
        hint="It survives a reload and goes with the tab. Off: it is only in memory."
        checked={remembered}
        onChange={(remember) => signIn(key, remember)}
      />
      <p className="text-muted text-sm">
        Forgetting the key also deletes what this browser kept for reading offline. The key itself goes on working: it
        is revoked by whoever gave it to you.
      </p>
    </>
  );
}
