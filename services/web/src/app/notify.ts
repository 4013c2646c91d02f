import type { RequestView } from "genai-images-client";
import type { NotificationData } from "@/lib/imageCache";
import { statusLabel } from "@/lib/labels";
import { useBrowserSettings } from "@/state/browserSettings";
import { useSession } from "@/state/session";
import { outcomeMessage } from "./outcomeMessage";

/**
 * Show a browser notification for a finished request if its owner enabled them and the app is in the background. It
 * contains the prompt only if the owner chose so: lock screens and notification centers show it to others, and keep it.
 */
export async function notify(view: RequestView): Promise<void> {
  const { notifications, promptsInNotifications } = useBrowserSettings.getState();
  if (!notifications || !document.hidden) return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification("GenAI Image Generator", {
    body: promptsInNotifications ? outcomeMessage(view) : statusText(view),
    tag: view.id,
    icon: "/icon-192.png",
    data: { path: "/create", session: useSession.getState().imageCache } satisfies NotificationData,
  });
}

function statusText({ status }: RequestView): string {
  return status === "succeeded" ? "Your image is ready." : `Your request has finished: ${statusLabel(status)}.`;
}
