import type { RequestView } from "@/api/requests";
import { useNotifications } from "@/state/notifications";

/** Tell through the browser that a request has ended, where its owner wants that and looks elsewhere. */
export async function notify(text: string, view: RequestView): Promise<void> {
  if (!useNotifications.getState().wanted || !document.hidden) return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification("GenAI Image Generator", {
    body: text,
    tag: view.id,
    icon: "/icon-192.png",
    data: "/create",
  });
}
