import { useMe } from "@/api/me";
import { Button } from "@/components/Button";
import { Switch } from "@/components/Field";
import { signIn, signOut, useSession } from "@/state/session";

/** Shows the owner and the start of the key in use, and signs out. */
export function ApiKeySettings() {
  const { key, remembered } = useSession();
  const me = useMe(key);
  if (key === null) return null;
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3 rounded-control bg-sunken px-4 py-3">
        <div className="grid min-w-0 gap-0.5">
          {me.data && <p className="truncate font-medium">{me.data.owner}</p>}
          <p className="font-mono text-muted text-sm">
            <span className="sr-only">The current key starts with </span>
            {key.slice(0, 10)}
            <span aria-hidden>••••••••</span>
          </p>
        </div>
        <Button onClick={() => void signOut()}>Sign out</Button>
      </div>
      <Switch
        label="Remember until this tab is closed"
        hint="If off, you need to enter the key again after a reload."
        checked={remembered}
        onChange={(remember) => void signIn(key, remember)}
      />
      <p className="text-muted text-sm">
        Signing out deletes everything that this browser stores of your session. It does not revoke the key: your
        administrator can do that.
      </p>
      <p className="text-muted text-sm">
        The key works outside this app too: see the{" "}
        <a href="/reference/" className="text-accent underline underline-offset-4">
          API reference
        </a>
        .
      </p>
    </>
  );
}
