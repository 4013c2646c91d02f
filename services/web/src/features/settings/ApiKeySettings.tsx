import { Button } from "@/components/Button";
import { Switch } from "@/components/Field";
import { useSession } from "@/state/session";

/** Shows the start of the key in use, and signs out. */
export function ApiKeySettings() {
  const { key, remembered, signIn, signOut } = useSession();
  if (key === null) return null;
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3 rounded-control bg-sunken px-4 py-3">
        <p className="font-mono text-sm">
          <span className="sr-only">The current key starts with </span>
          {key.slice(0, 10)}
          <span aria-hidden>••••••••</span>
        </p>
        <Button onClick={signOut}>Sign out</Button>
      </div>
      <Switch
        label="Remember until this tab is closed"
        hint="If off, you need to enter the key again after a reload."
        checked={remembered}
        onChange={(remember) => signIn(key, remember)}
      />
      <p className="text-muted text-sm">
        Signing out also deletes the content that this browser stored for offline use. It does not revoke the key: your
        administrator can do that.
      </p>
    </>
  );
}
