import { useState } from "react";
import { Switch } from "@/components/Field";
import { Notice } from "@/components/Notice";
import { useBrowserSettings } from "@/state/browserSettings";

const set = useBrowserSettings.setState;

/** Turns browser notifications on and off, and the prompts in them. */
export function Notifications() {
  const { notifications, promptsInNotifications } = useBrowserSettings();
  const [denied, setDenied] = useState(false);
  if (!("Notification" in window))
    return (
      <p className="text-muted text-sm">
        This browser does not support notifications. You still see messages in the app.
      </p>
    );
  const on = notifications && Notification.permission === "granted";
  const change = async (next: boolean) => {
    const allowed = !next || (await Notification.requestPermission()) === "granted";
    setDenied(!allowed);
    set({ notifications: next && allowed });
  };
  return (
    <>
      <Switch
        label="Browser notifications"
        hint="Notify me about finished requests while this app is open in the background."
        checked={on}
        onChange={(next) => void change(next)}
      />
      {denied && (
        <Notice tone="warning" title="Notifications are blocked" live>
          Allow notifications for this site in your browser settings, then try again.
        </Notice>
      )}
      <Switch
        label="Show prompts in notifications"
        hint="If off, a notification contains only the status. Others may see notifications on a locked screen."
        checked={on && promptsInNotifications}
        disabled={!on}
        onChange={(next) => set({ promptsInNotifications: next })}
      />
    </>
  );
}
