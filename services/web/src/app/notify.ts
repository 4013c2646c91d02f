import type { RequestView } from "@/api/requests";
import { useNotifications } from "@/state/notifications";

/** Show a browser notification for a finished request if its owner enabled them and the app is in the background. */
export async function notify(text: string, view: RequestView): Promise<void> {
  if (!useNotifications.getState().enabled || !document.hidden) return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification("GenAI Image Generator", {
    body: text,
    tag: view.id,
    icon: "/icon-192.png",
    data: "/create",
  });
}
