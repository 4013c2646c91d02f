import type { RequestView } from "genai-images-client";
import { statusLabel } from "@/lib/labels";
import { useNotifications } from "@/state/notifications";

/**
 * Show a browser notification for a finished request if its owner enabled them and the app is in the background. It does
 * not contain the prompt: lock screens and notification centers show it to others, and keep it.
 */
export async function notify(view: RequestView): Promise<void> {
  if (!useNotifications.getState().enabled || !document.hidden) return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification("GenAI Image Generator", {
    body:
      view.status === "succeeded" ? "Your image is ready." : `Your request has finished: ${statusLabel(view.status)}.`,
    tag: view.id,
    icon: "/icon-192.png",
    data: "/create",
  });
}
