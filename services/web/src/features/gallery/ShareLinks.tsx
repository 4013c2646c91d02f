import { Check, Copy, Link2 } from "lucide-react";
import { useState } from "react";
import { absoluteUrl } from "@/api/client";
import { useCreateShare, useRevokeShare, useShares } from "@/api/images";
import { Button } from "@/components/Button";
import { RadioGroup } from "@/components/RadioGroup";
import { ErrorNotice } from "@/components/Notice";
import { date } from "@/lib/format";
import { showToast } from "@/state/toasts";

const DAY = 86_400;
const LIVES = [
  { value: DAY, label: "1 day" },
  { value: 7 * DAY, label: "7 days" },
  { value: 30 * DAY, label: "30 days" },
];

/** Links that show the picture to whoever has them. A link's address is told once, when it is made. */
export function ShareLinks({ id }: { id: string }) {
  const shares = useShares(id);
  const create = useCreateShare(id);
  const revoke = useRevokeShare(id);
  const [life, setLife] = useState(7 * DAY);
  const made = create.data && absoluteUrl(create.data.url);
  return (
    <section aria-label="Share" className="grid gap-3">
      <h3 className="font-semibold text-sm">Share</h3>
      <div className="flex flex-wrap items-center gap-2">
        <RadioGroup legend="Good for" quiet options={LIVES} value={life} onChange={(value) => setLife(value)} />
        <Button disabled={create.isPending} onClick={() => create.mutate(life)}>
          <Link2 className="size-4" aria-hidden />
          Make a link
        </Button>
      </div>
      {create.isError && <ErrorNotice error={create.error} />}
      {made && <NewLink url={made} />}
      {(shares.data?.length ?? 0) > 0 && (
        <ul className="grid border-line border-t text-sm">
          {shares.data?.map((share) => (
            <li key={share.id} className="flex items-center justify-between gap-2 border-line border-b">
              <span className="text-muted">Link until {date(share.expires_at)}</span>
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
      showToast("It could not be copied. Select the address and copy it yourself.");
    }
  };
  return (
    <div className="grid gap-1 rounded-control bg-good-soft p-3">
      <div className="flex gap-2">
        <input
          readOnly
          aria-label="The link"
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
        Keep it: it is shown this once. Whoever has it sees the picture, without a key.
      </p>
    </div>
  );
}
