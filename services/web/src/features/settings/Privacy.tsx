import { usePreferences, useSavePreferences } from "@/api/preferences";
import { Switch } from "@/components/Field";
import { Failure, Skeleton } from "@/components/Notice";

/** Whether what the owner does is counted. */
export function Privacy() {
  const preferences = usePreferences();
  const save = useSavePreferences();
  if (preferences.isError) return <Failure error={preferences.error} retry={() => void preferences.refetch()} />;
  if (!preferences.data) return <Skeleton className="h-12" />;
  const out = save.isPending ? save.variables.analytics_opt_out : preferences.data.preferences.analytics_opt_out;
  return (
    <>
      {save.isError && <Failure error={save.error} />}
      <Switch
        label="Leave me out of the numbers"
        hint="Your requests, pictures and costs then do not show in anybody's statistics."
        checked={out ?? false}
        disabled={save.isPending}
        onChange={(analytics_opt_out) => save.mutate({ analytics_opt_out })}
      />
    </>
  );
}
