import { Check, Copy, Link2 } from "lucide-react";
import { useState } from "react";
import { absoluteUrl } from "@/api/client";
import { useCreateShare, useRevokeShare, useShares } from "@/api/images";
import { Button } from "@/components/Button";
import { ErrorNotice } from "@/components/Notice";
import { RadioGroup } from "@/components/RadioGroup";
import { date } from "@/lib/format";
import { showToast } from "@/state/toasts";

const DAY = 86_400;
const LIFETIMES = [
  { value: DAY, label: "1 day" },
  { value: 7 * DAY, label: "7 days" },
  { value: 30 * DAY, label: "30 days" },
];

/** Creates and revokes share links. The API returns the URL of a link only once, when it is created. */
export function ShareLinks({ id }: { id: string }) {
  const shares = useShares(id);
  const create = useCreateShare(id);
  const revoke = useRevokeShare(id);
  const [lifetime, setLifetime] = useState(7 * DAY);
  const newUrl = create.data && absoluteUrl(create.data.url);
  return (
    <section aria-label="Share" className="grid gap-3">
      <h3 className="font-semibold text-sm">Share</h3>
      <div className="flex flex-wrap items-center gap-2">
        <RadioGroup
          legend="Link expires after"
          hideLegend
          options={LIFETIMES}
          value={lifetime}
          onChange={(value) => setLifetime(value)}
        />
        <Button disabled={create.isPending} onClick={() => create.mutate(lifetime)}>
          <Link2 className="size-4" aria-hidden />
          Create link
        </Button>
      </div>
      {create.isError && <ErrorNotice error={create.error} />}
      {newUrl && <NewLink url={newUrl} />}
      {(shares.data?.length ?? 0) > 0 && (
        <ul className="grid border-line border-t text-sm">
          {shares.data?.map((share) => (
            <li key={share.id} className="flex items-center justify-between gap-2 border-line border-b">
              <span className="text-muted">Link expires on {date(share.expires_at)}</span>
              <Button variant="ghost" disabled={revoke.isPending} onClick={() => revoke.mutate(share.id)}>
                Revoke
              </Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function NewLink({ url }: { url: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url);
      setCopied(true);
    } catch {
      showToast("Could not copy the link. Select it and copy it manually.");
    }
  };
  return (
    <div className="grid gap-1 rounded-control bg-good-soft p-3">
      <div className="flex gap-2">
        <input
          readOnly
          aria-label="Share link"
          value={url}
          onFocus={(event) => event.target.select()}
          className="margin-note min-w-0 flex-1 bg-transparent"
        />
        <Button onClick={() => void copy()}>
          {copied ? <Check className="size-4" aria-hidden /> : <Copy className="size-4" aria-hidden />}
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
      <p className="text-good text-xs">
        Copy the link now: it is shown only once. Anyone with the link can view the image.
      </p>
    </div>
  );
}
