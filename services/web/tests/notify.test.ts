import { afterEach, expect, test, vi } from "vitest";
import { notify } from "@/app/notify";
import { useBrowserSettings } from "@/state/browserSettings";
import { requestView } from "./server";

afterEach(() => vi.unstubAllGlobals());

/** Return what the notification about a finished request contains. */
async function notificationOf(status: "succeeded" | "rejected", promptsInNotifications: boolean): Promise<string> {
  const showNotification = vi.fn();
  vi.stubGlobal("Notification", { permission: "granted" });
  vi.stubGlobal("navigator", { serviceWorker: { getRegistration: async () => ({ showNotification }) } });
  vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  useBrowserSettings.setState({ notifications: true, promptsInNotifications });
  await notify(requestView({ status }));
  expect(showNotification).toHaveBeenCalledOnce();
  return JSON.stringify(showNotification.mock.calls);
}

test.each(["succeeded", "rejected"] as const)("a notification that a request %s has no prompt", async (status) => {
  expect(await notificationOf(status, false)).not.toContain("A red fox");
});

test("a notification has the prompt if the owner chose so", async () => {
  expect(await notificationOf("succeeded", true)).toContain("A red fox");
});
