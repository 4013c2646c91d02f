import { useState } from "react";
import { Switch } from "@/components/Field";
import { Notice } from "@/components/Notice";
import { useNotifications } from "@/state/notifications";

/** Whether this browser tells when a picture is done. */
export function Notifications() {
  const { wanted, want } = useNotifications();
  const [refused, setRefused] = useState(false);
  if (!("Notification" in window))
    return (
      <p className="text-muted text-sm">This browser has no notifications. The app still tells you while it is open.</p>
    );
  const on = wanted && Notification.permission === "granted";
  const change = async (next: boolean) => {
    const allowed = !next || (await Notification.requestPermission()) === "granted";
    setRefused(!allowed);
    want(next && allowed);
  };
  return (
    <>
      <Switch
        label="Tell me in this browser"
        hint="While the app is open in some tab that you are not looking at."
        checked={on}
        onChange={(next) => void change(next)}
      />
      {refused && (
        <Notice tone="warning" title="The browser said no" live>
          Allow notifications for this address in the browser's own settings, then try again.
        </Notice>
      )}
    </>
  );
}
