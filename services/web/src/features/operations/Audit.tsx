import { useAudit } from "@/api/operations";
import { ErrorNotice, Notice, Skeleton } from "@/components/Notice";
import { timeAgo, plural } from "@/lib/format";

/** Whether anything was lost, paid twice or left lying about. */
export function Audit() {
  const audit = useAudit();
  if (audit.isError) return <ErrorNotice error={audit.error} retry={() => void audit.refetch()} />;
  if (!audit.data) return <Skeleton className="h-24" />;
  const { segments, violations, rules, findings, oldest_at, complete, within_bound } = audit.data;
  if (segments === 0)
    return <p className="text-muted text-sm">No audit has run yet. One runs every hour over a share of everything.</p>;
  const broken = rules.filter((rule) => rule.violations > 0);
  return (
    <>
      <Notice
        tone={violations === 0 ? "good" : "bad"}
        title={
          violations === 0
            ? "Nothing lost, nothing paid twice"
            : plural(violations, "rule is broken", "rules are broken")
        }
      >
        {complete ? "Everything was looked at" : "Not everything was looked at yet"}
        {oldest_at && `, the earliest ${timeAgo(oldest_at)}`}.
        {within_bound > 0 &&
          ` ${plural(within_bound, "picture was", "pictures were")} paid for again, within what is allowed.`}
      </Notice>
      <ul className="grid gap-2 text-sm">
        {broken.map(({ rule, meaning, violations: times }) => (
          <li key={rule}>
            <span className="font-medium">{meaning}</span> <span className="margin-note text-bad">{times} ×</span>
          </li>
        ))}
        {findings.map(({ rule, subject, why, mend }) => (
          <li key={rule + subject} className="border-line border-t pt-2">
            <p className="margin-note break-all">{subject}</p>
            <p>
              {why}
              {mend && <span className="text-muted"> · can be mended: {mend}</span>}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}
