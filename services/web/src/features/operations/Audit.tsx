import { useAudit } from "@/api/operations";
import { ErrorNotice, Notice, Skeleton } from "@/components/Notice";
import { plural, timeAgo } from "@/lib/format";

/** Shows whether a request was lost, an image was paid for twice, or data was left behind. */
export function Audit() {
  const audit = useAudit();
  if (audit.isError) return <ErrorNotice error={audit.error} retry={() => void audit.refetch()} />;
  if (!audit.data) return <Skeleton className="h-24" />;
  const { segments, violations, rules, findings, oldest_at, complete, within_bound } = audit.data;
  if (segments === 0)
    return <p className="text-muted text-sm">No audit has run yet. An audit of part of the data runs every hour.</p>;
  const violated = rules.filter((rule) => rule.violations > 0);
  return (
    <>
      <Notice
        tone={violations === 0 ? "success" : "error"}
        title={violations === 0 ? "No violations" : plural(violations, "violation")}
      >
        {complete ? "All data has been audited" : "Part of the data has not been audited yet"}
        {oldest_at && `. Oldest result: ${timeAgo(oldest_at)}`}.
        {within_bound > 0 &&
          ` ${plural(within_bound, "image was", "images were")} paid for twice, within the allowed limit.`}
      </Notice>
      <ul className="grid gap-2 text-sm">
        {violated.map(({ rule, meaning, violations: times }) => (
          <li key={rule}>
            <span className="font-medium">{meaning}</span> <span className="margin-note text-bad">{times} ×</span>
          </li>
        ))}
        {findings.map(({ rule, subject, why, repair }) => (
          <li key={rule + subject} className="border-line border-t pt-2">
            <p className="margin-note break-all">{subject}</p>
            <p>
              {why}
              {repair && <span className="text-muted"> · repair: {repair}</span>}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}
