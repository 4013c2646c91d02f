import type { ReactNode } from "react";
import { usePreferences, useSavePreferences } from "@/api/preferences";
import { Switch } from "@/components/Field";
import { ErrorNotice } from "@/components/Notice";
import { globalPrivacyControl } from "@/lib/globalPrivacyControl";
import { useBrowserSettings } from "@/state/browserSettings";
import { setOfflineReading, useSession } from "@/state/session";
import { Consent } from "./Consent";
import { EraseData } from "./EraseData";
import { ExportData } from "./ExportData";

/** What is stored where, and the choices about it. */
export function Privacy() {
  return (
    <>
      <dl className="grid gap-3 text-sm">
        <Place name="On our servers">
          Your prompts, requests and images, until you delete or erase them or their retention ends. See the{" "}
          <a href="/reference/privacy-notice" className="text-accent underline underline-offset-4">
            privacy notice
          </a>
          .
        </Place>
        <Place name="In this tab">
          Your key, your draft and these settings, until you sign out or close the tab. No cookies, no third parties.
        </Place>
      </dl>
      <Consent />
      <OfflineReading />
      <AnalyticsOptOut />
      <ExportData />
      <EraseData />
    </>
  );
}

function Place({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-6 gap-y-0.5 sm:grid-cols-[8rem_minmax(0,1fr)]">
      <dt className="font-medium">{name}</dt>
      <dd className="text-muted">{children}</dd>
    </div>
  );
}

function OfflineReading() {
  const remembered = useSession((state) => state.remembered && state.imageCache !== null);
  const on = useBrowserSettings((settings) => settings.offlineReading);
  return (
    <Switch
      label="Offline reading"
      hint={
        remembered
          ? "Store the images and requests that you view in this browser, until you sign out or close the tab, so that you can view them without a connection."
          : "Turn on “Remember until this tab is closed” first. If this browser blocks storage, nothing can be stored."
      }
      checked={on}
      disabled={!remembered}
      onChange={(next) => void setOfflineReading(next)}
    />
  );
}

function AnalyticsOptOut() {
  const preferences = usePreferences();
  const save = useSavePreferences();
  const stored = preferences.data?.preferences.analytics_opt_out ?? false;
  const signal = globalPrivacyControl();
  const error = preferences.data ? save.error : preferences.error;
  return (
    <>
      {error && <ErrorNotice error={error} />}
      <Switch
        label="Exclude me from analytics"
        hint={
          signal
            ? "On for all your devices, because this browser sends Global Privacy Control."
            : "Applies to all your devices, from your next request on."
        }
        checked={save.isPending ? (save.variables.analytics_opt_out ?? stored) : stored}
        disabled={!preferences.data || (signal && stored)}
        onChange={(analytics_opt_out) => save.mutate({ analytics_opt_out })}
      />
    </>
  );
}
