import { useState } from "react";
import { Switch } from "@/components/Field";
import { Notice } from "@/components/Notice";
import { useNotifications } from "@/state/notifications";

/** Turns browser notifications on and off. */
export function Notifications() {
  const { enabled, setEnabled } = useNotifications();
  const [denied, setDenied] = useState(false);
  if (!("Notification" in window))
    return (
      <p className="text-muted text-sm">
        This browser does not support notifications. You still see messages in the app.
      </p>
    );
  const on = enabled && Notification.permission === "granted";
  const change = async (next: boolean) => {
    const allowed = !next || (await Notification.requestPermission()) === "granted";
    setDenied(!allowed);
    setEnabled(next && allowed);
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
    </>
  );
}
