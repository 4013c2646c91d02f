import { showToast } from "@/state/toasts";

/** Register the service worker. Offers a new version instead of reloading the page unasked. */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  let accepted = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (accepted) location.reload();
  });
  const offer = (worker: ServiceWorker) =>
    showToast("A new version is available.", {
      durationMs: 60_000,
      action: {
        label: "Reload",
        run: () => {
          accepted = true;
          worker.postMessage("skip-waiting");
        },
      },
    });
  const watch = (registration: ServiceWorkerRegistration) => {
    if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed" && navigator.serviceWorker.controller) offer(worker);
      });
    });
  };
  // Registration may be blocked. The app then works online only.
  navigator.serviceWorker.register("/sw.js").then(watch, () => undefined);
}

/** Delete the data cached for offline use: it belongs to the owner of the previous key. */
export async function clearOfflineCaches(): Promise<void> {
  if (!("caches" in window)) return;
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("owner-")).map((name) => caches.delete(name)));
}
