import { afterEach, expect, test, vi } from "vitest";
import { notify } from "@/app/notify";
import { useNotifications } from "@/state/notifications";
import { requestView } from "./server";

afterEach(() => vi.unstubAllGlobals());

test.each(["succeeded", "rejected"] as const)(
  "a notification about a request that %s has no prompt",
  async (status) => {
    const showNotification = vi.fn();
    vi.stubGlobal("Notification", { permission: "granted" });
    vi.stubGlobal("navigator", { serviceWorker: { getRegistration: async () => ({ showNotification }) } });
    vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    useNotifications.setState({ enabled: true });
    const view = requestView({ status });
    await notify(view);

    expect(showNotification).toHaveBeenCalledOnce();
    expect(view.request.prompt).toBeTruthy();
    expect(JSON.stringify(showNotification.mock.calls)).not.toContain(view.request.prompt);
  },
);
